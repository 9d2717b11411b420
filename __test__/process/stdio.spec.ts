/** Standard streams and terminals that other readers share, and that stay unchanged even after SIGKILL. */
import { spawnSync } from 'node:child_process';

import type { ExecutionContext, TestFn } from 'ava';
import test from 'ava';

import type { Child } from '../support/process.js';
import { drivers, fixture, run, runtime, start } from '../support/process.js';

const hasTerminals = spawnSync('script', ['--version']).error === undefined;
const skipWithReason = (title: string, body: () => void): void =>
  test.skip(`${title} (script(1) is not installed)`, body);
const terminalTest: TestFn =
  hasTerminals || process.env['CI'] !== undefined ? test : (skipWithReason as TestFn);

function quoted(words: readonly string[]): string {
  return words.map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`).join(' ');
}

/** The arguments for script(1) that run a shell command on a new terminal. */
function inTerminal(command: string): string[] {
  return ['--quiet', '--return', '--command', command, '/dev/null'];
}

for (const driver of drivers) {
  terminalTest(
    `hazard-112 terminal-unharmed: flags and modes as before after SIGKILL, ${driver}`,
    async (t) => {
      const state = 'grep flags /proc/self/fdinfo/0 /proc/self/fdinfo/1; stty -g';
      const watcher = quoted([...runtime, fixture('stdio-watcher'), 'killed', driver]);
      const { code, stdout } = await run(
        'script',
        inTerminal(`(${state}); ${watcher}; echo "ended with $?"; (${state})`),
      );
      t.is(code, 0, stdout);
      const lines = stdout.split(/\r?\n/);
      const at = lines.indexOf('ended with 137');
      t.not(at, -1, stdout);
      const before = lines.slice(0, at).filter((line) => /flags:|^[\da-f:]{20,}$/.test(line));
      const after = lines.slice(at + 1).filter((line) => line !== '');
      t.is(before.length, 3, stdout);
      t.deepEqual(after, before);
    },
  );

  test(`hazard-113 shared-stdin: process.stdin reads everything, before and after the poller is closed, ${driver}`, async (t) => {
    const [program, ...args] = runtime;
    const child = start(program, [...args, fixture('stdio-watcher'), 'shared', driver]);
    await exchange(t, child);
    child.process.stdin.end();
    t.like(await child.ended, { code: 0, stderr: '' });
  });

  terminalTest(`hazard-113 shared-stdin: the same on a terminal, ${driver}`, async (t) => {
    const watcher = quoted([...runtime, fixture('stdio-watcher'), 'shared', driver]);
    const child = start('script', inTerminal(`stty -echo; exec ${watcher}`));
    await exchange(t, child);
    child.process.stdin.end();
    t.is((await child.ended).code, 0);
  });
}

// Other runtimes handle a terminal differently.
if (drivers.includes('uv')) {
  for (const driver of drivers) {
    terminalTest(
      `hazard-113 replaced-stdin: a terminal that process.stdin replaces under its number is reported as closed, ${driver}`,
      async (t) => {
        const watcher = quoted([...runtime, fixture('stdio-watcher'), 'replaced', driver]);
        // The child's input stays open, because its end would be an event.
        const child = start('script', inTerminal(watcher));
        t.is(await child.line(), 'true ERR_DESCRIPTOR_CLOSED 0 0');
        t.is((await child.ended).code, 0);
      },
    );
  }
}

async function exchange(t: ExecutionContext, child: Child): Promise<void> {
  t.is(await child.line(), 'ready');
  child.process.stdin.write('first\n');
  t.is(await child.line(), 'event of 0');
  t.is(await child.line(), 'first', 'the poller reads nothing');
  child.process.stdin.write('second\n');
  t.is(await child.line(), 'second');
  child.process.stdin.write('third\n');
  t.is(await child.line(), 'third', 'close() leaves the stream intact');
}
