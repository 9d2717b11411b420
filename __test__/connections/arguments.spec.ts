// Bad arguments throw a TypeError or RangeError that shows the value. They make no system call and open nothing.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import test from 'ava';
import { connect, listen } from 'edgepoll';

import { badInputs } from '../support/bad-inputs.js';
import { runChild, which } from '../support/child.js';
import { pairOf, receiveAll, rejection } from '../support/net.js';

interface Refusals {
  refused: number;
  before: string[];
  after: string[];
}

test('every bad option is refused with its name, its value, and a code', async (t) => {
  t.true(badInputs.length > 300, `${badInputs.length} cases`);
  for (const { name, call, error, shows, option } of badInputs) {
    const thrown = await rejection(call());
    t.is(Object.getPrototypeOf(thrown), { TypeError, RangeError }[error].prototype, name);
    t.is(thrown.code, error === 'TypeError' ? 'ERR_INVALID_ARG_TYPE' : 'ERR_OUT_OF_RANGE', name);
    const [subject = ''] = thrown.message.split(' must be ', 1);
    // The entry of a list is named by its place.
    t.is(subject.replace(/(?:\.rules)?\[\d+\]$/, ''), option, `${name}: ${thrown.message}`);
    t.true(
      thrown.message.includes(`not ${shows}`) || thrown.message.includes(shows),
      thrown.message,
    );
    t.is(thrown.syscall, undefined, name);
  }
});

test('a bad call opens nothing', async (t) => {
  const { refused, before, after } = await runChild<Refusals>('bad-input');
  t.is(refused, badInputs.length);
  t.deepEqual(after, before);
});

test('a bad call makes no system call', async (t) => {
  const strace = which('strace');
  if (strace === undefined) {
    t.log('skipped: this machine has no strace');
    t.pass();
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), 'edgepoll-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const log = join(folder, 'calls');
  const marks = 'access,faccessat,faccessat2';
  const calls =
    'socket,bind,listen,connect,epoll_create1,epoll_ctl,eventfd2,pipe2,prlimit64,clone,clone3';
  const before = [
    strace,
    '-f',
    '-qq',
    '-o',
    log,
    '-e',
    `trace=${calls},?${marks.replaceAll(',', ',?')}`,
  ];
  const { refused } = await runChild<Refusals>('bad-input', [], before);
  t.is(refused, badInputs.length);
  const lines = readFileSync(log, 'utf8').split('\n');
  const begin = lines.findIndex((line) => line.includes('edgepoll-mark-begin'));
  const end = lines.findIndex((line) => line.includes('edgepoll-mark-end'));
  t.true(begin >= 0 && end > begin, 'the marks are in the log');
  t.deepEqual(lines.slice(begin + 1, end), []);
  // The runtime's own event loop makes such calls, which shows that strace logged them.
  t.true(lines.some((line) => line.includes('epoll_ctl')));
});

test('the error of a getter is thrown unchanged', async (t) => {
  const error = new Error('from the getter');
  const options = {
    host: '127.0.0.1',
    get port(): number {
      throw error;
    },
  };
  t.is(await rejection(listen(options)), error);
  t.is(await rejection(connect(options)), error);
});

test('write() and end() take bytes and strings, nothing else', async (t) => {
  const { connection, peer } = await pairOf(t);
  const values: [unknown, string][] = [
    [123, '123'],
    [null, 'null'],
    [undefined, 'undefined'],
    [{}, 'an object'],
    [[1, 2], 'an array'],
    [new ArrayBuffer(3), 'an instance of ArrayBuffer'],
    [new DataView(new ArrayBuffer(3)), 'an instance of DataView'],
    [new Uint16Array(3), 'an instance of Uint16Array'],
    [Promise.resolve('x'), 'an instance of Promise'],
    [true, 'true'],
  ];
  for (const [value, shows] of values) {
    const error = t.throws(() => connection.write(value as never), { instanceOf: TypeError });
    t.like(error, { code: 'ERR_INVALID_ARG_TYPE' });
    t.true(error.message.includes(shows), error.message);
    if (value !== undefined)
      t.throws(() => connection.end(value as never), { instanceOf: TypeError });
  }
  // The rejected values left the connection unchanged.
  await connection.end('fine');
  t.is((await receiveAll(peer)).bytes.toString(), 'fine');
});

test('write() of an array whose length getter returns a wrong number sends exactly the bytes of that array', async (t) => {
  class Growing extends Uint8Array {
    claimed = 0;
    override get length(): number {
      return this.claimed;
    }
    override get byteLength(): number {
      return this.claimed;
    }
  }
  const { connection, peer } = await pairOf(t);
  const other = await pairOf(t);
  const all = receiveAll(peer);
  for (const claimed of [0, 3, 20, 100_000]) {
    // These bytes stay in the staging area, where the next write is staged.
    await other.connection.write('bytes of another connection');
    const growing = new Growing(Buffer.from('ten bytes.'));
    growing.claimed = claimed;
    await connection.write(growing);
  }
  await connection.end();
  t.is((await all).bytes.toString(), 'ten bytes.'.repeat(4));
});

test('close() and its options', async (t) => {
  const { server } = await pairOf(t);
  for (const timeout of [-1, 1.5, NaN, '3', null, 2 ** 31]) {
    const error = await rejection(server.close({ timeout: timeout as number }));
    t.true(error instanceof TypeError || error instanceof RangeError);
    t.regex(error.message, /^timeout must be /);
  }
  t.true((await rejection(server.close(null as never))) instanceof TypeError);
  t.like(server.stats(), { open: 1, accepted: 1 });
});
