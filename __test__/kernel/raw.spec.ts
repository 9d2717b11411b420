/** Facts of the kernel, seen through Poller: sockets and counters that Node.js cannot create. */
import { join } from 'node:path';

import type { ExecutionContext } from 'ava';
import test from 'ava';
import { EdgepollError, watch } from 'edgepoll';
import type { RegisterOptions } from 'edgepoll';
import { eventfd, pipe, socket, socketpair } from 'edgepoll/fd';
import type { Socket, SocketAddress } from 'edgepoll/fd';

import { now, pollerOf, readText, soon } from './helpers.js';
import { arrived, startPython } from '../support/python.js';
import type { Python } from '../support/python.js';
import { freePort } from '../support/net.js';
import { drivers, folder } from '../support/process.js';

const SOL_SOCKET = 1;
const SO_ERROR = 4;
const ECONNREFUSED = 111;
const ECONNRESET = 104;

const all: RegisterOptions<string | undefined> = {
  readable: true,
  writable: true,
  readHangup: true,
  trigger: 'edge',
};

/** Disposes of `made` when the test ends. */
function kept<S extends Disposable>(t: ExecutionContext, made: S): S {
  t.teardown(() => made[Symbol.dispose]());
  return made;
}

/** A TCP connection: our socket, and a Python process that has the other end as `s`. */
async function rawPair(t: ExecutionContext): Promise<{ ours: Socket; peer: Python }> {
  const peer = startPython(t);
  const port = await peer.run(
    "(globals().update(l=socket.create_server(('127.0.0.1', 0))), l.getsockname()[1])[1]",
  );
  const ours = kept(t, socket('inet', 'stream'));
  ours.connect({ family: 'inet', address: '127.0.0.1', port: port as number });
  await peer.run('s = l.accept()[0]');
  await ours.connected();
  return { ours, peer };
}

for (const driver of drivers) {
  test(`fact-5: a Unix connect to a full backlog is refused, and the socket looks hung up, ${driver}`, async (t) => {
    const address: SocketAddress = { family: 'unix', path: join(folder(t), 'socket') };
    const listener = kept(t, socket('unix', 'stream'));
    listener.bind(address);
    listener.listen(0);
    const first = kept(t, socket('unix', 'stream'));
    t.true(first.connect(address));
    const second = kept(t, socket('unix', 'stream'));
    t.throws(() => second.connect(address), { instanceOf: EdgepollError, code: 'EAGAIN' });
    const poller = pollerOf(t, driver);
    poller.register(second, all);
    t.deepEqual(await soon(poller), ['OUT|HUP'], 'no sign that it is not connected');
    t.throws(() => second.remoteAddress, { code: 'ENOTCONN' });
  });

  test(`fact-6: a fresh TCP socket is OUT and HUP at once, ${driver}`, async (t) => {
    const fresh = kept(t, socket('inet', 'stream'));
    const poller = pollerOf(t, driver);
    poller.register(fresh, all);
    t.deepEqual(await soon(poller), ['OUT|HUP']);
    t.deepEqual(await now(poller), []);
  });

  test(`fact-7: a refused connect is every bit, and its error is read once, ${driver}`, async (t) => {
    const refused = kept(t, socket('inet', 'stream'));
    const port = freePort(t);
    t.false(refused.connect({ family: 'inet', address: '127.0.0.1', port }), 'EINPROGRESS');
    const poller = pollerOf(t, driver);
    poller.register(refused, all);
    t.deepEqual(await soon(poller), ['IN|OUT|ERR|HUP|RDHUP']);
    t.is(refused.getOption(SOL_SOCKET, SO_ERROR), ECONNREFUSED);
    t.is(refused.getOption(SOL_SOCKET, SO_ERROR), 0);
  });

  test(`fact-20: reading SO_ERROR first makes a reset look like an end; a poller does not read it, ${driver}`, async (t) => {
    for (const readsError of [true, false]) {
      const { ours, peer } = await rawPair(t);
      const poller = pollerOf(t, driver);
      poller.register(ours, all);
      t.deepEqual(await soon(poller), ['OUT']);
      await peer.run("s.sendall(b'abc'); reset(s)");
      await arrived(ours.fd, { state: 'gone' });
      t.deepEqual(await soon(poller), ['IN|OUT|ERR|HUP|RDHUP']);
      if (readsError) t.is(ours.getOption(SOL_SOCKET, SO_ERROR), ECONNRESET);
      t.deepEqual(
        [readText(ours.fd), readText(ours.fd)],
        ['abc', readsError ? 'end' : 'ECONNRESET'],
      );
    }
  });

  test(`fact-33: our own SHUT_RD is IN and RDHUP and an end, and later bytes still come, ${driver}`, async (t) => {
    const { ours, peer } = await rawPair(t);
    const poller = pollerOf(t, driver);
    poller.register(ours, { readable: true, readHangup: true, trigger: 'edge' });
    const reported = soon(poller);
    ours.shutdown('read');
    t.deepEqual(await reported, ['IN|RDHUP']);
    t.is(readText(ours.fd), 'end');
    const late = soon(poller);
    await peer.run("s.sendall(b'late')");
    t.deepEqual(await late, ['IN|RDHUP']);
    t.is(readText(ours.fd), 'late');
  });

  test(`hazard-26 counter: a full eventfd is not reported as writable, and a read makes it writable, ${driver}`, async (t) => {
    const counter = kept(t, eventfd());
    t.true(counter.write(2n ** 64n - 2n));
    t.false(counter.write(1n), 'it is full');
    const poller = pollerOf(t, driver);
    poller.register(counter, { readable: true, writable: true, trigger: 'edge' });
    t.deepEqual(await soon(poller), ['IN']);
    const reported = soon(poller);
    t.is(counter.read(), 2n ** 64n - 2n);
    t.deepEqual(await reported, ['OUT']);
    t.true(counter.write(1n));
    t.deepEqual(await soon(poller), ['IN|OUT']);
  });

  test(`hazard-36 empty-datagrams: five are five messages, and none is an end, ${driver}`, async (t) => {
    const [ours, theirs] = socketpair({ type: 'dgram' });
    kept(t, ours);
    kept(t, theirs);
    const poller = pollerOf(t, driver);
    poller.register(ours, { readHangup: true, readable: true });
    for (let count = 0; count < 5; count += 1) t.is(theirs.send(''), 0);
    const room = Buffer.alloc(10);
    for (let count = 0; count < 5; count += 1) {
      t.deepEqual(await soon(poller), ['IN'], `${count}`);
      t.is(ours.receive(room), 0);
    }
    t.deepEqual(await now(poller), []);
    t.is(ours.receive(room), null, 'nothing, and no end');
    t.is(theirs.send('six'), 3);
    t.deepEqual(await soon(poller), ['IN']);
  });

  test(`hazard-4 closed-under-us: close() of its owner ends the loop, before and during the wait, ${driver}`, async (t) => {
    for (const during of [false, true]) {
      const { reader, writer } = pipe();
      kept(t, writer);
      const iterator = watch(reader, { driver });
      t.teardown(() => iterator.return?.());
      let pull = during ? iterator.next() : undefined;
      reader.close();
      pull ??= iterator.next();
      t.deepEqual(await pull, { value: undefined, done: true });
      t.deepEqual(await iterator.next(), { value: undefined, done: true });
    }
  });

  test(`hazard-17 owner: an OwnedFd that is closed cannot be registered, ${driver}`, (t) => {
    const { reader, writer } = pipe();
    reader.close();
    writer.close();
    const poller = pollerOf(t, driver);
    t.throws(() => poller.register(reader), { instanceOf: EdgepollError, code: 'ERR_CLOSED' });
    t.is(poller.size, 0);
  });
}
