/** Facts of the kernel, seen through Poller: pipes, terminals, TCP sockets. */
import { closeSync, constants, openSync } from 'node:fs';

import test from 'ava';
import { EdgepollError } from 'edgepoll';
import type { RegisterOptions } from 'edgepoll';

import { open } from '../readiness/helpers.js';
import { drain, now, pipePair, pollerOf, readText, soon, words, writeText } from './helpers.js';
import { rounds } from '../support/eventually.js';
import { arrived, startPython, tcpPair } from '../support/python.js';
import { drivers, makeFifo, root } from '../support/process.js';

const { O_NONBLOCK, O_NOCTTY, O_RDONLY, O_RDWR } = constants;

const all: RegisterOptions<string | undefined> = {
  readable: true,
  writable: true,
  readHangup: true,
  trigger: 'edge',
};

for (const driver of drivers) {
  test(`fact-2: data and FIN are one edge, and the end needs a second read, ${driver}`, async (t) => {
    const { fd, peer } = await tcpPair(t);
    const poller = pollerOf(t, driver);
    poller.register(fd, all);
    t.deepEqual(await soon(poller), ['OUT']);
    await peer.run("s.sendall(b'abc'); s.close()");
    await arrived(fd, { state: 'FIN received', unread: 4 });
    t.deepEqual(await soon(poller), ['IN|OUT|RDHUP']);
    t.is(readText(fd), 'abc');
    t.deepEqual(await now(poller), [], 'no second edge');
    t.is(readText(fd), 'end');
  });

  test(`fact-3: data and RST: the data can be read, then the error, ${driver}`, async (t) => {
    const { fd, peer } = await tcpPair(t);
    const poller = pollerOf(t, driver);
    poller.register(fd, all);
    t.deepEqual(await soon(poller), ['OUT']);
    await peer.run("s.sendall(b'abc'); reset(s)");
    await arrived(fd, { state: 'gone' });
    t.deepEqual(await soon(poller), ['IN|OUT|ERR|HUP|RDHUP']);
    t.deepEqual([readText(fd), readText(fd)], ['abc', 'ECONNRESET']);
    t.deepEqual(await now(poller), []);
  });

  test(`fact-8: files, folders, /dev/null and /dev/zero are refused, ${driver}`, async (t) => {
    const poller = pollerOf(t, driver);
    for (const path of ['/etc/passwd', '/etc', '/dev/null', '/dev/zero', `${root}/package.json`]) {
      const fd = open(t, path, O_RDONLY);
      const error = t.throws(() => poller.register(fd), { instanceOf: EdgepollError });
      t.like(error, { code: 'ERR_NOT_POLLABLE', errno: -1, syscall: 'epoll_ctl', fd });
    }
    const { reader, writer } = pipePair(t);
    poller.register(reader);
    writeText(writer, 'x');
    t.deepEqual(await soon(poller), ['IN'], 'the poller goes on');
  });

  test(`fact-9: our own FIN is OUT, and the peer's after it a hang-up, ${driver}`, async (t) => {
    const { fd, socket, peer } = await tcpPair(t);
    const poller = pollerOf(t, driver);
    poller.register(fd, all);
    t.deepEqual(await soon(poller), ['OUT']);
    socket.shutdown('write');
    // The acknowledgement of the FIN is an edge.
    await arrived(fd, { state: 'FIN acknowledged' });
    t.deepEqual(await soon(poller), ['OUT']);
    t.deepEqual(await now(poller), []);
    const reported = soon(poller);
    await peer.run('s.close()');
    t.deepEqual(await reported, ['IN|OUT|HUP|RDHUP']);
  });

  test(`fact-10: a pipe's hang-up comes with its data, or alone, and a writer's as an error, ${driver}`, async (t) => {
    const poller = pollerOf(t, driver);
    const interest = { readable: true, readHangup: true, trigger: 'edge' } as const;

    const full = pipePair(t);
    const first = poller.register(full.reader, interest);
    writeText(full.writer, 'abc');
    full.closeWriter();
    t.deepEqual(await soon(poller), ['IN|HUP']);
    t.deepEqual([readText(full.reader), readText(full.reader)], ['abc', 'end']);
    first.unregister();

    const empty = pipePair(t);
    const second = poller.register(empty.reader, interest);
    const hangup = soon(poller);
    empty.closeWriter();
    t.deepEqual(await hangup, ['HUP']);
    second.unregister();

    const unread = pipePair(t);
    poller.register(unread.writer, { writable: true, trigger: 'edge' });
    t.deepEqual(await soon(poller), ['OUT']);
    const broken = soon(poller);
    unread.closeReader();
    t.deepEqual(await broken, ['OUT|ERR']);
    t.is(writeText(unread.writer, 'x'), 'EPIPE');
  });

  test(`fact-13: an edge is reported again after modify() with the same interest, ${driver}`, async (t) => {
    const { reader, writer } = pipePair(t);
    const poller = pollerOf(t, driver);
    const registration = poller.register(reader, { trigger: 'edge' });
    writeText(writer, 'x');
    t.deepEqual(await soon(poller), ['IN']);
    t.deepEqual(await now(poller), []);
    registration.modify({ trigger: 'edge' });
    t.deepEqual(await soon(poller), ['IN']);
    t.deepEqual(await now(poller), []);
  });

  test(`fact-14: new data after a partial read is a new edge, ${driver}`, async (t) => {
    const { fd, peer } = await tcpPair(t);
    const poller = pollerOf(t, driver);
    poller.register(fd, { trigger: 'edge' });
    await peer.run("s.sendall(b'xyz')");
    t.deepEqual(await soon(poller), ['IN']);
    t.is(readText(fd, 1), 'x');
    t.deepEqual(await now(poller), []);
    const reported = soon(poller);
    await peer.run("s.sendall(b'!')");
    t.deepEqual(await reported, ['IN']);
    t.is(readText(fd), 'yz!');
  });

  test(`fact-15: a terminal whose other end is closed: the bytes, then EIO, ${driver}`, async (t) => {
    const master = open(t, '/dev/ptmx', O_RDWR | O_NOCTTY | O_NONBLOCK);
    const other = startPython(t, master);
    await other.run('t = slave_of(3); os.close(3)');
    const poller = pollerOf(t, driver);
    poller.register(master, { trigger: 'edge' });
    await other.run("os.write(t, b'z' * 10); os.close(t)");
    t.deepEqual(await soon(poller), ['IN|HUP']);
    t.deepEqual(
      [readText(master, 4), readText(master), readText(master)],
      ['zzzz', 'zzzzzz', 'EIO'],
    );
  });

  test(`fact-16: after its event a oneshot is silent, also about a hang-up, until it is rearmed, ${driver}`, async (t) => {
    const { fd, socket, peer } = await tcpPair(t);
    const poller = pollerOf(t, driver);
    const registration = poller.register(fd, { trigger: 'oneshot' });
    await peer.run("s.sendall(b'q')");
    t.deepEqual(await soon(poller), ['IN']);
    await peer.run('s.close()');
    await arrived(fd, { state: 'FIN received' });
    socket.shutdown('write');
    await arrived(fd, { state: 'gone' });
    t.deepEqual(await now(poller), []);
    registration.rearm();
    t.deepEqual(await soon(poller), ['IN|HUP']);
    t.deepEqual(await now(poller), []);
  });

  test(`fact-17: errors and hang-ups are reported without interest in them, ${driver}`, async (t) => {
    const { fd, peer } = await tcpPair(t);
    const poller = pollerOf(t, driver);
    poller.register(fd, { priority: true, trigger: 'edge' });
    const reported = soon(poller);
    await peer.run('reset(s)');
    t.deepEqual(await reported, ['ERR|HUP']);
    t.is(readText(fd), 'ECONNRESET');
  });

  test(`fact-19: exclusive can be added, and neither modified nor mixed, ${driver}`, async (t) => {
    const { reader, writer } = pipePair(t);
    const poller = pollerOf(t, driver);
    for (const options of [
      { readHangup: true },
      { trigger: 'oneshot' },
      { trigger: 'edge-oneshot' },
      { priority: true },
    ] as const) {
      const error = t.throws(() => poller.register(reader, { exclusive: true, ...options }), {
        instanceOf: TypeError,
      });
      t.like(error, { code: 'ERR_INVALID_ARG_VALUE' });
    }
    const registration = poller.register(reader, { exclusive: true });
    for (const change of [{}, { exclusive: true }, { writable: true }]) {
      const error = t.throws(() => registration.modify(change), { instanceOf: EdgepollError });
      t.like(error, { code: 'ERR_EXCLUSIVE', fd: reader });
    }
    t.throws(() => registration.rearm(), { code: 'ERR_EXCLUSIVE' });
    writeText(writer, 'x');
    t.deepEqual(await soon(poller), ['IN'], 'it is watched as before');
  });

  test(`fact-23: a peer that closes with our bytes unread resets, ${driver}`, async (t) => {
    const { fd, peer } = await tcpPair(t);
    const poller = pollerOf(t, driver);
    poller.register(fd, all);
    t.deepEqual(await soon(poller), ['OUT']);
    t.is(writeText(fd, 'z'.repeat(10)), 10);
    await peer.run('s.recv(10, socket.MSG_PEEK)');
    await peer.run('s.close()');
    await arrived(fd, { state: 'gone' });
    t.deepEqual(await soon(poller), ['IN|OUT|ERR|HUP|RDHUP']);
    t.is(readText(fd), 'ECONNRESET');
  });

  test(`fact-26: no writable edge before a refused write, none for a little room, one for much, ${driver}`, async (t) => {
    const { fd, peer } = await tcpPair(t);
    const poller = pollerOf(t, driver);
    poller.register(fd, { writable: true, trigger: 'edge' });
    t.deepEqual(await soon(poller), ['OUT']);
    t.is(writeText(fd, 'x'), 1);
    await peer.run('s.recv(1)');
    t.deepEqual(await now(poller), [], 'nothing was refused');
    let written = 0;
    const block = Buffer.alloc(65_536);
    const fill = (): number => {
      const before = written;
      for (
        let count = writeText(fd, block);
        typeof count === 'number';
        count = writeText(fd, block)
      )
        written += count;
      return written - before;
    };
    fill();
    // For a while the kernel still makes room: its buffers grow, and acknowledged bytes are freed.
    for (let quiet = 0; quiet < 20; quiet += 1) {
      await rounds(2);
      if ((await now(poller)).length > 0 || fill() > 0) quiet = 0;
    }
    t.is(writeText(fd, block), 'EAGAIN');
    await peer.run('s.recv(1000)');
    t.deepEqual(await now(poller), [], 'hardly any room');
    const reported = soon(poller);
    await peer.run(`left = ${written} - 1000`);
    await peer.run('while left > 0: left -= len(s.recv(1 << 20))');
    t.deepEqual(await reported, ['OUT']);
  });

  test(`fact-28: the edge of arriving data carries OUT, too, ${driver}`, async (t) => {
    const { fd, peer } = await tcpPair(t);
    const poller = pollerOf(t, driver);
    poller.register(fd, { readable: true, writable: true, trigger: 'edge' });
    t.deepEqual(await soon(poller), ['OUT']);
    const reported = soon(poller);
    await peer.run("s.sendall(b'1')");
    t.deepEqual(await reported, ['IN|OUT']);
  });

  test(`fact-29: an urgent byte is PRI alone, and a plain read does not see it, ${driver}`, async (t) => {
    const { fd, peer } = await tcpPair(t);
    const poller = pollerOf(t, driver);
    poller.register(fd, { readable: true, priority: true, trigger: 'edge' });
    const reported = soon(poller);
    await peer.run("s.send(b'a', socket.MSG_OOB)");
    t.deepEqual(await reported, ['PRI']);
    t.is(readText(fd), 'EAGAIN');
  });
}

test('words: the fields of an event are the bits of its mask', (t) => {
  const event = { fd: 3, data: '', readable: true, writable: false, priority: false };
  const others = { readHangup: false, hangup: true, error: false };
  t.is(words({ ...event, ...others, mask: 0x11 }), 'IN|HUP');
  t.throws(() => words({ ...event, ...others, mask: 0x10 }));
});

test('drain: reads to EAGAIN and to the end', (t) => {
  const fd = openSync(makeFifo(t), O_RDWR | O_NONBLOCK);
  writeText(fd, 'abc');
  t.is(drain(fd), 3);
  t.is(drain(fd), 0);
  closeSync(fd);
});
