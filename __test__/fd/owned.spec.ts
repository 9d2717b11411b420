/** One owner per descriptor number: the effects of close, release, adoption and garbage collection. */
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';

import test from 'ava';
import { Poller } from 'edgepoll';
import { eventfd, OwnedFd, pipe } from 'edgepoll/fd';

import { flagsOf } from '../readiness/helpers.js';
import { exceptIn, makeFifo, runFixture } from '../support/process.js';

const exceptDeno = exceptIn(
  ['deno'],
  "Deno's node:fs uses and closes only descriptors that it opened, and Deno closes those itself",
);
const exceptDenoWorkers = exceptIn(['deno'], 'Deno does not notify addons when a worker ends');

const { O_NONBLOCK, O_RDONLY, O_RDWR } = constants;

function adopted(path: string, flags: number): OwnedFd {
  return OwnedFd.adopt(openSync(path, flags));
}

test('double-close: twice is allowed, and every use after it is refused by name', (t) => {
  const { reader, writer } = pipe();
  const { fd } = reader;
  reader.close();
  reader.close();
  reader[Symbol.dispose]();
  t.false(reader.isOpen);
  const closed = { code: 'ERR_CLOSED', message: `pipe fd ${fd} is closed` };
  t.throws(() => reader.fd, closed);
  t.throws(() => reader.read(Buffer.alloc(1)), closed);
  t.throws(() => reader.write('x'), closed);
  t.throws(() => reader.duplicate(), closed);
  t.throws(() => reader.release(), closed);
  t.throws(() => new Poller().register(reader), closed);
  t.throws(() => writer.write('x'), { code: 'EPIPE' });
  writer.close();
});

test('double-close: a second close() does not close the number’s next owner', (t) => {
  const first = eventfd();
  const { fd } = first;
  first.close();
  const second = eventfd();
  first.close();
  // Another thread of this process may have taken the number; the second object is open in any case.
  t.true(second.write(1), `after fd ${fd}`);
  second.close();
});

// In a process of its own: a number that is closed twice may belong to other code the second time.
exceptDeno(
  'close-behind-our-back: close() throws EBADF, and a reused number stays its new owner’s',
  async (t) => {
    const { code, stdout, stderr } = await runFixture('fd-behind');
    t.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    t.deepEqual(JSON.parse(stdout), {
      reported: 'close EBADF',
      closed: [true, true],
      cameBack: true,
      written: true,
    });
  },
);

test('pipe: bytes, the end, and null where a call would wait', (t) => {
  const { reader, writer } = pipe();
  const space = Buffer.alloc(8);
  t.is(reader.read(space), null);
  t.is(writer.write('héé'), 5);
  t.is(reader.read(space.subarray(0, 3)), 3);
  t.is(reader.read(space.subarray(3)), 2);
  t.is(space.toString('utf8', 0, 5), 'héé');
  let written = 0;
  const block = Buffer.alloc(65_536);
  for (let count = writer.write(block); count !== null; count = writer.write(block))
    written += count;
  t.true(written >= 4096);
  writer.close();
  for (let left = written; left > 0; left -= reader.read(block) ?? 0);
  t.is(reader.read(space), 0);
  reader.close();
});

test('empty-buffer: refused before it can read as the end; detached and shared memory', (t) => {
  const { reader, writer } = pipe();
  writer.write('abcdef');
  t.throws(() => reader.read(new Uint8Array(0)), { instanceOf: RangeError });
  const buffer = new ArrayBuffer(8);
  const detached = new Uint8Array(buffer);
  structuredClone(buffer, { transfer: [buffer] });
  t.throws(() => reader.read(detached), { instanceOf: RangeError });
  // @ts-expect-error not bytes
  t.throws(() => reader.read('abc'), { instanceOf: TypeError });
  // @ts-expect-error not bytes
  t.throws(() => writer.write(3), { instanceOf: TypeError });
  const shared = new Uint8Array(new SharedArrayBuffer(3));
  t.is(reader.read(shared), 3);
  t.deepEqual([...shared], [97, 98, 99]);
  t.is(writer.write(shared), 3);
  const space = Buffer.alloc(9);
  t.is(reader.read(space), 6);
  t.is(space.toString('latin1', 0, 6), 'defabc');
  t.is(writer.write(new Uint8Array(0)), 0);
  reader.close();
  writer.close();
});

test('stdio: 0, 1 and 2 cannot be adopted', (t) => {
  for (const fd of [0, 1, 2]) {
    const error = t.throws(() => OwnedFd.adopt(fd), { instanceOf: RangeError });
    t.regex(error?.message ?? '', /stdio/);
  }
});

test('adopt: not a number, not open, owned already, or the package’s own', (t) => {
  t.throws(() => OwnedFd.adopt('3' as unknown as number), { instanceOf: TypeError });
  t.throws(() => OwnedFd.adopt(-1), { instanceOf: RangeError });
  t.throws(() => OwnedFd.adopt(1_000_000), { message: /an open descriptor/ });
  const { reader, writer } = pipe();
  t.throws(() => OwnedFd.adopt(reader.fd), { message: /no other owner/ });
  const number = reader.release();
  t.false(reader.isOpen);
  const again = OwnedFd.adopt(number);
  writer.write('x');
  t.is(again.read(Buffer.alloc(2)), 1);
  again.close();
  writer.close();
});

test('adopt: a blocking descriptor never waits and keeps its flags', (t) => {
  const path = makeFifo(t);
  const fd = openSync(path, O_RDWR);
  const before = flagsOf(fd);
  const owned = OwnedFd.adopt(fd);
  t.is(owned.read(Buffer.alloc(4)), null);
  let written = 0;
  const block = Buffer.alloc(100_000);
  for (let count = owned.write(block); count !== null; count = owned.write(block)) {
    t.true(count <= 4096);
    written += count;
  }
  t.true(written >= 4096);
  t.is(owned.read(Buffer.alloc(10)), 10);
  t.is(flagsOf(fd), before);
  const copy = owned.duplicate();
  owned.close();
  t.is(copy.read(Buffer.alloc(10)), 10);
  copy.close();
});

exceptDeno('adopt: a regular file is read like any descriptor', (t) => {
  const file = adopted('/proc/self/comm', O_RDONLY | O_NONBLOCK);
  t.true((file.read(Buffer.alloc(64)) ?? 0) > 0);
  t.is(file.read(Buffer.alloc(64)), 0);
  file.close();
});

exceptDeno('release: the number stays open for its new owner', (t) => {
  const { reader, writer } = pipe();
  const fd = writer.release();
  writeSync(fd, 'on');
  closeSync(fd);
  const space = Buffer.alloc(4);
  t.is(readSync(reader.fd, space), 2);
  reader.close();
});

for (const how of ['dropped', 'released', 'closed', 'watched']) {
  test(`garbage: a descriptor that was ${how} is closed once or left alone, with a warning if dropped`, async (t) => {
    const { code, stdout, stderr } = await runFixture('fd-garbage', how);
    t.is(code, 0, stderr);
    const { open, warnings, fd } = JSON.parse(stdout) as {
      open: boolean;
      warnings: string[];
      fd: number;
    };
    const isDropped = how === 'dropped';
    t.is(open, how === 'released' || how === 'watched');
    const warning = `EdgepollWarning: eventfd fd ${fd} was not closed: close() it, or declare it with 'using'`;
    t.deepEqual(warnings, isDropped ? [warning] : []);
  });
}

exceptDenoWorkers('worker: its end closes the descriptors that it left open', async (t) => {
  const { code, stdout, stderr } = await runFixture('fd-worker');
  t.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  t.deepEqual(JSON.parse(stdout), { during: 20, after: 0 });
});

exceptDenoWorkers(
  'worker: its end does not close a number that it adopted and closed before',
  async (t) => {
    const { code, stdout, stderr } = await runFixture('fd-adopt-worker');
    t.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    t.deepEqual(JSON.parse(stdout), { isOpen: true });
  },
);
