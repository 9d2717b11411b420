/** Waiting for descriptors by promise: readable(), writable(), writeAll(), and connections one after the other. */
import { closeSync, openSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';

import test from 'ava';
import type { Socket } from 'edgepoll/fd';
import { eventfd, OwnedFd, pipe, pidfd, socket, socketpair } from 'edgepoll/fd';

import { countOpen } from '../support/descriptors.js';
import { drivers, runFixture, runtimeName } from '../support/process.js';

/** Deno's closeSync() closes only descriptors that Deno's node:fs has opened. */
const exceptDeno = runtimeName === 'deno' ? test.serial.skip : test.serial;

/** The number of this process's open epoll descriptors. */
const epolls = (): number => countOpen((target) => target.includes('eventpoll'));

/** Fills a pipe; returns the number of bytes written. */
function fill(writer: OwnedFd): number {
  const page = Buffer.alloc(65_536, 'x');
  let taken = 0;
  for (let count = writer.write(page); count !== null; count = writer.write(page)) taken += count;
  return taken;
}

for (const driver of drivers) {
  test.serial(
    `readable: a hundred that wait and wait again share one poller, ${driver}`,
    async (t) => {
      const counters = Array.from({ length: 100 }, () => eventfd());
      // The first wait makes the poller of this thread and driver.
      counters[0]?.write();
      await counters[0]?.readable({ driver });
      counters[0]?.read();
      const before = epolls();
      for (let round = 0; round < 3; round += 1) {
        const waits = counters.map((counter) => counter.readable({ driver }));
        t.is(epolls(), before);
        for (const counter of counters) counter.write();
        await Promise.all(waits);
        for (const counter of counters) t.is(counter.read(), 1n);
      }
      for (const counter of counters) counter.close();
    },
  );

  test(`readable: resolves when there is data, and at the end, and not before, ${driver}`, async (t) => {
    const { reader, writer } = pipe();
    let isReady = false;
    const waiting = reader.readable({ driver }).then(() => (isReady = true));
    await turn();
    t.false(isReady);
    writer.write('x');
    await waiting;
    await reader.readable({ driver });
    const into = Buffer.alloc(8);
    t.is(reader.read(into), 1);
    const [one, other] = [reader.readable({ driver }), reader.readable({ driver })];
    writer.close();
    await Promise.all([one, other]);
    t.is(reader.read(into), 0);
    // After the end the pipe stays readable.
    await reader.readable({ driver });
    reader.close();
  });

  test(`readable: ends by its signal, by close(), and alone, ${driver}`, async (t) => {
    const counter = eventfd();
    const controller = new AbortController();
    const reason = new Error('enough');
    const aborted = counter.readable({ driver, signal: controller.signal });
    const stays = counter.readable({ driver });
    controller.abort(reason);
    t.is(await t.throwsAsync(aborted), reason);
    t.is(await t.throwsAsync(counter.readable({ driver, signal: controller.signal })), reason);
    counter.write();
    await stays;
    counter.read();
    const alone = new AbortController();
    const given = counter.readable({ driver, signal: alone.signal });
    alone.abort(reason);
    t.is(await t.throwsAsync(given), reason);
    const closed = counter.readable({ driver });
    counter.close();
    await t.throwsAsync(closed, { code: 'ERR_CLOSED' });
    await t.throwsAsync(counter.readable({ driver }), { code: 'ERR_CLOSED' });
    const released = eventfd();
    const given2 = released.readable({ driver });
    const fd = released.release();
    await t.throwsAsync(given2, { code: 'ERR_CLOSED' });
    OwnedFd.adopt(fd).close();
  });

  exceptDeno(
    `readable: a number that other code closed fails its own wait, and the others go on, ${driver}`,
    async (t) => {
      const stays = eventfd();
      const { reader, writer } = pipe();
      const number = writer.release();
      const lost = OwnedFd.adopt(number);
      const before = stays.readable({ driver });
      await lost.writable({ driver });
      // The poller has registered the number. Now another file gets it.
      closeSync(number);
      const opened: number[] = [];
      do opened.push(openSync('/dev/null', 'r'));
      while (!opened.includes(number));
      await t.throwsAsync(lost.writable({ driver }), { code: 'ERR_NOT_POLLABLE' });
      lost.release();
      for (const fd of opened) closeSync(fd);
      reader.close();
      stays.write();
      await before;
      stays.close();
    },
  );

  test(`writable: a full pipe has room again once it is read, ${driver}`, async (t) => {
    const { reader, writer } = pipe();
    await writer.writable({ driver });
    const taken = fill(writer);
    let isReady = false;
    const waiting = writer.writable({ driver }).then(() => (isReady = true));
    await turn();
    t.false(isReady);
    t.is(reader.read(Buffer.alloc(taken)), taken);
    await waiting;
    // With its reader closed a full pipe counts as writable: the next write fails with EPIPE instead of waiting.
    fill(writer);
    const broken = writer.writable({ driver });
    reader.close();
    await broken;
    t.throws(() => writer.write('x'), { code: 'EPIPE' });
    writer.close();
  });

  test(`writeAll: everything arrives in the order of the calls, ${driver}`, async (t) => {
    const [near, far] = socketpair();
    const parts = ['a', 'b', 'c'].map((letter) => Buffer.alloc(400_000, letter));
    const writes = [...parts, ''].map((part) => near.writeAll(part, { driver }));
    void Promise.all(writes).then(() => near.shutdown('write'));
    const got: Buffer[] = [];
    for await (const { data } of far.values({ driver })) got.push(data);
    await Promise.all(writes);
    t.true(Buffer.concat(got).equals(Buffer.concat(parts)));
    near.close();
    far.close();
  });

  test(`writeAll: new room goes to the first call, ${driver}`, async (t) => {
    const { reader, writer } = pipe();
    const taken = fill(writer);
    const got = Buffer.alloc(2 * taken + 6);
    t.is(reader.read(got.subarray(0, taken)), taken);
    const first = writer.writeAll(Buffer.alloc(2 * taken, 'l'), { driver });
    // The first call has filled the pipe and waits. Now the pipe has room, but its event has not come yet.
    t.is(reader.read(got.subarray(0, taken)), taken);
    const second = writer.writeAll('second', { driver });
    let length = taken;
    while (length < got.length) {
      await reader.readable({ driver });
      length += reader.read(got.subarray(length)) ?? 0;
    }
    await Promise.all([first, second]);
    t.is(got.toString(), `${'l'.repeat(2 * taken)}second`);
    reader.close();
    writer.close();
  });

  test(`writeAll: its error has the number of bytes written, and an abort does not stop later calls, ${driver}`, async (t) => {
    const { reader, writer } = pipe();
    const taken = fill(writer);
    t.is(reader.read(Buffer.alloc(taken)), taken);
    const long = Buffer.alloc(taken + 4096, 'l');
    const controller = new AbortController();
    const first = writer.writeAll(long, { driver });
    const second = writer.writeAll('second', { driver, signal: controller.signal });
    const third = writer.writeAll('third', { driver });
    await turn();
    const reason = new Error('enough');
    controller.abort(reason);
    t.is(await t.throwsAsync(second), reason);
    const all = Buffer.alloc(long.length + 5);
    let length = 0;
    while (length < all.length) {
      await reader.readable({ driver });
      length += reader.read(all.subarray(length)) ?? 0;
    }
    await Promise.all([first, third]);
    t.is(all.toString('latin1', long.length), 'third');
    const cut = writer.writeAll(long, { driver });
    await turn();
    reader.close();
    await t.throwsAsync(cut, { code: 'EPIPE' });
    t.is(await bytesWritten(cut), taken);
    writer.close();
    await t.throwsAsync(writer.writeAll('x', { driver }), { code: 'ERR_CLOSED' });
    t.is(await bytesWritten(writer.writeAll('x', { driver })), 0);
  });

  test(`connections: each is accepted once, and leaving the loop closes none, ${driver}`, async (t) => {
    const server = socket('inet', 'stream');
    server.bind({ family: 'inet', address: '127.0.0.1', port: 0 });
    server.listen();
    const clients = [0, 1, 2].map(() => socket('inet', 'stream'));
    for (const client of clients) client.connect(server.localAddress);
    const taken: Socket[] = [];
    for await (const { socket: peer, from } of server.connections({ driver })) {
      t.is(from?.family, 'inet');
      taken.push(peer);
      if (taken.length === 3) break;
    }
    await Promise.all(taken.map((peer) => peer.writeAll('hello', { driver })));
    for (const client of clients) {
      await client.readable({ driver });
      t.is(client.read(Buffer.alloc(16)), 5);
    }
    const next = server.connections({ driver }).next();
    server.close();
    t.true((await next).done);
    for (const end of [...clients, ...taken]) end.close();
  });
}

async function bytesWritten(failed: Promise<void>): Promise<number | undefined> {
  return failed.then(
    () => undefined,
    (error: unknown) => (error as { bytesWritten?: number }).bytesWritten,
  );
}

test('listen: the object that it returns iterates connections, also by its type', async (t) => {
  const server = socket('unix', 'stream');
  server.bind({ family: 'unix', path: `\0edgepoll-listen-${process.pid}` });
  const listening = server.listen();
  t.true(Object.is(listening, server));
  const client = socket('unix', 'stream');
  t.true(client.connect(server.localAddress));
  for await (const { socket: peer } of listening) {
    peer.close();
    break;
  }
  t.true(server.isOpen);
  client.close();
  server.close();
  const plain = socket('unix', 'stream');
  await t.throwsAsync(plain.connections().next(), { code: 'EINVAL' });
  plain.close();
});

test('readable: a pending wait keeps the process alive, and a descriptor without one does not', async (t) => {
  const { code, stdout, stderr } = await runFixture('fd-ready');
  t.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  t.is(stdout, 'waited\ncollected\n');
});

test('bad-input: readable, writable, writeAll', async (t) => {
  const { reader, writer } = pipe();
  const waits = [
    (options: object) => reader.readable(options),
    (options: object) => writer.writable(options),
  ];
  for (const wait of waits) {
    await t.throwsAsync(wait({ timeout: 5 }), { code: 'ERR_UNKNOWN_OPTION' });
    await t.throwsAsync(wait({ signal: 5 }), { instanceOf: TypeError });
  }
  await t.throwsAsync(writer.writeAll(5 as unknown as string), { instanceOf: TypeError });
  await t.throwsAsync(writer.writeAll('x', { timeout: 5 } as object), {
    code: 'ERR_UNKNOWN_OPTION',
  });
  const self = pidfd(process.pid);
  const controller = new AbortController();
  const never = self.readable({ signal: controller.signal });
  controller.abort();
  t.is(await never.catch((error: unknown) => error), controller.signal.reason);
  for (const end of [reader, writer, self]) end.close();
});
