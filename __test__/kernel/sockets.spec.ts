/** Facts of the kernel, seen through listen() and connect(). */
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { connect, EdgepollError, listen } from 'edgepoll';
import type { Connection } from 'edgepoll';

import { startPython } from '../support/python.js';
import { drain, freePort, nextOf, rejection } from '../support/net.js';
import { drivers } from '../support/process.js';

for (const driver of drivers) {
  /** A server of the package, and a Python process that is connected to it by its socket `s`. */
  const pair = async (t: ExecutionContext, readHighWaterMark = 65_536) => {
    const server = await listen({
      host: '127.0.0.1',
      port: 0,
      driver,
      readHighWaterMark,
      allowHalfOpen: true,
    });
    t.teardown(() => server.destroy());
    const peer = startPython(t);
    const accepted = nextOf(server[Symbol.asyncIterator]());
    await peer.run(`s = dial(${server.address.port})`);
    const connection: Connection = await accepted;
    return { server, connection, peer };
  };

  test(`fact-2: data and FIN: the data, then the end, ${driver}`, async (t) => {
    const { connection, peer } = await pair(t);
    await peer.run("s.sendall(b'abc'); s.shutdown(socket.SHUT_WR)");
    const { bytes, error } = await drain(connection);
    t.is(bytes.toString(), 'abc');
    t.is(error, undefined);
  });

  test(`fact-3: data and RST: the data, then ECONNRESET, ${driver}`, async (t) => {
    const { connection, peer } = await pair(t);
    await peer.run("s.sendall(b'abc'); reset(s)");
    const { bytes, error } = await drain(connection);
    t.is(bytes.toString(), 'abc');
    t.is(error?.code, 'ECONNRESET');
  });

  test(`fact-7: a refused connect rejects once, with ECONNREFUSED, ${driver}`, async (t) => {
    const port = freePort(t);
    const error = await rejection(connect({ host: '127.0.0.1', port, driver }));
    t.true(error instanceof EdgepollError);
    t.like(error, { code: 'ECONNREFUSED', syscall: 'connect', port });
  });

  test(`fact-18: a client that reset before it was accepted is accepted, with its address, ${driver}`, async (t) => {
    const server = await listen({ host: '127.0.0.1', port: 0, driver });
    t.teardown(() => server.destroy());
    const peer = startPython(t);
    const port = await peer.run(
      `(globals().update(s=dial(${server.address.port})), s.getsockname()[1], reset(s))[1]`,
    );
    const connection = await nextOf(server[Symbol.asyncIterator]());
    t.is(connection.remoteAddress?.port, port as number);
    const { bytes, error } = await drain(connection);
    t.is(bytes.length, 0);
    t.is(error?.code, 'ECONNRESET');
  });

  test(`fact-21: when a write fails with the reset first, the reader still gets the reset, ${driver}`, async (t) => {
    const { connection, peer } = await pair(t);
    await peer.run("s.sendall(b'abc'); reset(s)");
    // Until a write fails.
    let failed: NodeJS.ErrnoException | undefined;
    while (failed === undefined) {
      try {
        await connection.write('x');
      } catch (error) {
        failed = error as NodeJS.ErrnoException;
      }
    }
    const { bytes, error } = await drain(connection);
    t.is(bytes.toString(), 'abc');
    t.is(error?.code, 'ECONNRESET');
  });

  test(`fact-22: writes after the peer's close: one is taken, then errors, and never a clean end, ${driver}`, async (t) => {
    const { connection, peer } = await pair(t);
    await peer.run('s.close()');
    t.is(await connection.read(), null);
    await t.notThrowsAsync(connection.write('x'));
    let error: NodeJS.ErrnoException | undefined;
    while (error === undefined) {
      try {
        await connection.write('x');
      } catch (thrown) {
        error = thrown as NodeJS.ErrnoException;
      }
    }
    t.regex(error.code ?? '', /^(?:EPIPE|ECONNRESET)$/);
  });

  test(`fact-23: a peer that closes with our bytes unread is a reset, ${driver}`, async (t) => {
    const { connection, peer } = await pair(t);
    await connection.write('unread');
    await peer.run('s.recv(6, socket.MSG_PEEK | socket.MSG_WAITALL)');
    await peer.run('s.close()');
    const { error } = await drain(connection);
    t.is(error?.code, 'ECONNRESET');
  });

  test(`fact-24: the kernel takes a limited number of bytes for a peer that does not read, ${driver}`, async (t) => {
    const { connection } = await pair(t);
    const block = Buffer.alloc(1_048_576);
    // The kernel's buffers (4 MiB) and the package's queue (1 MiB) cannot take 64 MiB.
    let taken = 0;
    let waits = false;
    while (!waits && taken < 64) {
      const write = connection.write(block);
      taken += 1;
      waits = connection.bufferedAmount > 0;
      write.catch(() => {});
    }
    t.true(waits, `${taken} MiB were taken`);
    connection.destroy();
  });

  test(`fact-30: a client that waits to be accepted is reset when the listener closes, ${driver}`, async (t) => {
    const server = await listen({ host: '127.0.0.1', port: 0, driver, maxConnections: 1 });
    t.teardown(() => server.destroy());
    const peer = startPython(t);
    await peer.run(`s = dial(${server.address.port})`);
    await nextOf(server[Symbol.asyncIterator]());
    await peer.run(`waits = dial(${server.address.port})`);
    server.destroy();
    t.is(await peer.run('outcome(waits.recv, 1)'), 'Connection reset by peer');
  });

  test(`fact-33: a server that stops reading has not stopped the peer: the bytes come later, ${driver}`, async (t) => {
    const { connection, peer } = await pair(t, 1);
    await peer.run("s.sendall(b'first')");
    t.is(String(await connection.read()), 'first');
    await peer.run("s.sendall(b'late'); s.close()");
    const { bytes, error } = await drain(connection);
    t.is(bytes.toString(), 'late');
    t.is(error, undefined);
  });
}
