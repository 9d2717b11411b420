/** scripts/publish-crate.mjs, with a program in place of cargo that notes how it was called. */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import test from 'ava';
import type { ExecutionContext } from 'ava';

import type { Ended } from '../support/process.js';
import { folder, root, run } from '../support/process.js';

const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  version: string;
};
const tag = `v${version}`;

/** What `cargo info` does, as a shell command. */
const answers = {
  published: 'exit 0',
  halfPublished:
    'case $2 in edgepoll-protocol@*) exit 0;; esac; echo "error: could not find \\`$2\\`" >&2; exit 101',
  unpublished: 'echo "error: could not find \\`$2\\` in registry" >&2; exit 101',
  broken: 'echo "error: spurious network error" >&2; exit 101',
};

async function publish(
  t: ExecutionContext,
  answer: keyof typeof answers,
  ...args: string[]
): Promise<Ended & { calls: string[] }> {
  const path = folder(t);
  const log = join(path, 'calls');
  writeFileSync(log, '');
  writeFileSync(
    join(path, 'cargo'),
    `#!/bin/sh\necho "$*" >>'${log}'\nif [ "$1" = info ]; then ${answers[answer]}; fi\n`,
  );
  chmodSync(join(path, 'cargo'), 0o755);
  const script = join(root, 'scripts/publish-crate.mjs');
  const PATH = `${path}:${process.env['PATH'] ?? ''}`;
  const ended = await run(process.execPath, [script, ...args], { PATH });
  return { ...ended, calls: readFileSync(log, 'utf8').trim().split('\n') };
}

const crates = ['edgepoll-protocol', 'edgepoll', 'edgepoll-resp', 'edgepoll-websocket'];
const infos = crates.map((crate) => `info ${crate}@${version} --registry crates-io --quiet`);
const all = crates.map((crate) => `-p ${crate}`).join(' ');

test('it publishes what crates.io does not have', async (t) => {
  const { code, calls } = await publish(t, 'unpublished', tag);
  t.is(code, 0);
  t.deepEqual(calls, [...infos, `publish ${all} --locked`]);
});

test('a crate that is published is left out', async (t) => {
  const { code, stdout, calls } = await publish(t, 'halfPublished', tag);
  t.is(code, 0);
  t.is(stdout, `publish-crate: edgepoll-protocol ${version} is published already\n`);
  t.deepEqual(calls, [...infos, `publish ${all.replace('-p edgepoll-protocol ', '')} --locked`]);
});

test('a dry run publishes nothing', async (t) => {
  const { code, calls } = await publish(t, 'unpublished', tag, '--dry-run');
  t.is(code, 0);
  t.deepEqual(calls, [...infos, `publish ${all} --locked --dry-run --allow-dirty`]);
});

test('what is published is left alone', async (t) => {
  const { code, stdout, calls } = await publish(t, 'published', tag);
  t.is(code, 0);
  const lines = crates.map((crate) => `publish-crate: ${crate} ${version} is published already\n`);
  t.is(stdout, lines.join(''));
  t.deepEqual(calls, infos);
});

test('nothing is published if crates.io does not answer, or for another tag', async (t) => {
  const broken = await publish(t, 'broken', tag);
  t.is(broken.code, 1);
  t.is(
    broken.stderr,
    'publish-crate: crates.io could not be asked: error: spurious network error\n',
  );
  t.deepEqual(broken.calls, infos.slice(0, 1));

  const other = await publish(t, 'unpublished', 'v99.0.0');
  t.is(other.code, 1);
  t.is(
    other.stderr,
    `publish-crate: the tag is v99.0.0, and the crates are ${version}: nothing was published.\n`,
  );
  t.deepEqual(other.calls, ['']);
});

test('bad arguments are one line', async (t) => {
  for (const args of [[], [tag, 'more'], [tag, '--dryrun']]) {
    const { code, stderr, calls } = await publish(t, 'unpublished', ...args);
    t.is(code, 2);
    t.regex(stderr, /^[^\n]*usage: node scripts\/publish-crate\.mjs TAG[^\n]*\n$/);
    t.deepEqual(calls, ['']);
  }
});
