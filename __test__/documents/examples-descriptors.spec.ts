/** The examples that watch folders, processes, timers and signals, run as users run them. */
import { mkdirSync, renameSync, rmdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { ExecutionContext } from 'ava';
import test from 'ava';

import type { Child, Ended } from '../support/process.js';
import { folder, run, start } from '../support/process.js';

const npm = ['run', '--silent', 'example', '--'];

/** Starts watch-dir and waits until it watches. */
async function watchDir(path: string): Promise<{ child: Child; pid: number }> {
  const child = start('npm', [...npm, 'watch-dir', path]);
  child.process.stdin.end();
  const line = await child.line();
  const match = /^watching (.*) pid (\d+)$/.exec(line ?? '');
  if (match?.[1] !== path)
    throw new Error(`not a ready line: ${line}\n${JSON.stringify(await child.ended)}`);
  return { child, pid: Number(match[2]) };
}

test('watch-dir: a line per change, until the folder goes', async (t) => {
  const path = join(folder(t), 'watched');
  mkdirSync(path);
  const { child } = await watchDir(path);
  const at = (name: string): string => join(path, name);
  const prints = async (...expected: string[]): Promise<void> => {
    for (const line of expected) t.is(await child.line(), line);
  };
  writeFileSync(at('one'), 'text');
  await prints('create "one"', 'closeWrite "one"');
  renameSync(at('one'), at('two\nlines'));
  await prints('movedFrom "one"', 'movedTo "two\\nlines"');
  mkdirSync(at('inner'));
  await prints('create "inner"/');
  rmdirSync(at('inner'));
  await prints('delete "inner"/');
  unlinkSync(at('two\nlines'));
  await prints('delete "two\\nlines"');
  rmdirSync(path);
  await prints('deleteSelf');
  t.is(await child.line(), undefined);
  const { code, stderr } = await child.ended;
  t.deepEqual({ code, stderr }, { code: 0, stderr: '' });
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`watch-dir: ${signal} ends it`, async (t) => {
    const { child, pid } = await watchDir(folder(t));
    process.kill(pid, signal);
    const { code, stderr } = await child.ended;
    t.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  });
}

test('watch-dir: a path that is not a folder, and a missing argument', async (t) => {
  const file = join(folder(t), 'file');
  writeFileSync(file, '');
  for (const [path, expected] of [
    [file, /^watch-dir: .*ENOTDIR: .*\n$/],
    [`${file}s`, /^watch-dir: .*ENOENT: .*\n$/],
  ] as const) {
    const { code, stdout, stderr } = await run('npm', [...npm, 'watch-dir', path]);
    t.deepEqual({ code, stdout }, { code: 1, stdout: '' });
    t.regex(stderr, expected);
  }
  const { code, stderr } = await run('npm', [...npm, 'watch-dir']);
  t.deepEqual({ code, stderr }, { code: 2, stderr: 'usage: watch-dir DIR\n' });
});

function runUntil(...args: string[]): Promise<Ended> {
  return run('npm', [...npm, 'run-until', ...args]);
}

test('run-until: the command ends first, and its exit status is passed on', async (t) => {
  for (const [script, expected] of [
    ['echo done', 0],
    ['echo done; exit 7', 7],
    ['echo done; kill -KILL $$', 128 + 9],
  ] as const) {
    const { code, stdout, stderr } = await runUntil('sh', '-c', script);
    t.deepEqual({ code, stdout, stderr }, { code: expected, stdout: 'done\n', stderr: '' });
  }
});

test('run-until: the limit passes first', async (t) => {
  const { code, stdout, stderr } = await runUntil('--seconds', '0.3', 'sleep', '60');
  t.deepEqual({ code, stdout, stderr }, { code: 124, stdout: '', stderr: '' });
});

test('run-until: a command that ignores SIGTERM is killed after the grace period', async (t) => {
  // The shell ignores SIGTERM and loops without a child, which could be left behind.
  const deaf = `trap '' TERM; echo deaf; while :; do :; done`;
  const { code, stdout } = await runUntil('--seconds=0.5', '--grace=0.3', '--', 'sh', '-c', deaf);
  t.deepEqual({ code, stdout }, { code: 124, stdout: 'deaf\n' });
});

async function signalled(
  t: ExecutionContext,
  signal: 'SIGINT' | 'SIGTERM',
  script: string,
): Promise<Ended> {
  const child = start('npm', [...npm, 'run-until', 'sh', '-c', script]);
  child.process.stdin.end();
  const [, pid = ''] = /^parent (\d+)$/.exec((await child.line()) ?? '') ?? [];
  t.regex(pid, /^\d+$/);
  process.kill(Number(pid), signal);
  return child.ended;
}

for (const [signal, expected] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  test(`run-until: ${signal} comes first, and is sent to the command`, async (t) => {
    const { code, stderr } = await signalled(t, signal, 'echo parent $PPID; exec sleep 60');
    t.deepEqual({ code, stderr }, { code: expected, stderr: '' });
  });
}

test('run-until: the command can clean up when the signal comes', async (t) => {
  // A signal interrupts the shell's `wait`, so the trap runs at once. It ends the sleeping child.
  const script = `
    trap 'kill $sleeper; echo tidied; exit 3' TERM
    sleep 60 & sleeper=$!
    echo parent $PPID
    wait $sleeper`;
  const { code, stdout } = await signalled(t, 'SIGTERM', script);
  t.is(code, 143);
  t.regex(stdout, /^tidied$/m);
});

test('run-until: a command that cannot be started, and bad arguments', async (t) => {
  const missing = await runUntil('/nowhere/at-all');
  t.is(missing.code, 127);
  t.regex(missing.stderr, /ENOENT/);
  const usage = await runUntil();
  t.is(usage.code, 2);
  t.regex(usage.stderr, /^usage: run-until /);
  for (const text of ['x', '', '-1', '0x10', '1e3', '1'.repeat(20)]) {
    const { code, stdout, stderr } = await runUntil(`--seconds=${text}`, 'echo', 'started');
    t.deepEqual({ code, stdout }, { code: 2, stdout: '' });
    t.is(
      stderr,
      `run-until: --seconds must be seconds, not '${text}'\nusage: run-until [--seconds N] [--grace N] COMMAND [ARGUMENT …]\n`,
    );
  }
  const unknown = await runUntil('--second=1', 'echo', 'started');
  t.deepEqual([unknown.code, unknown.stdout], [2, '']);
  t.regex(unknown.stderr, /^run-until: .*'--second'.*\nusage: run-until .*\n$/);
});
