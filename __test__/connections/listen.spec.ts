// Opening a server: the address, the errors of the kernel with their details, and the signal.
import { getEventListeners } from 'node:events';
import { readFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { constants } from 'node:os';

import test from 'ava';
import { connect, EdgepollError, listen } from 'edgepoll';

import { runChild, which } from '../support/child.js';
import { mostDescriptors } from '../support/descriptors.js';
import { startPython } from '../support/python.js';
import {
  dial,
  drain,
  hasLoopback6,
  loopback6Test,
  netServer,
  nextOf,
  pairOf,
  rejection,
  serverOf,
} from '../support/net.js';
import { resolveAs } from '../support/resolver.js';
import { descriptorOf } from '../support/socket-number.js';
import { defaultSettings, nativeMethods } from './helpers.js';
import type { NativeMethod } from './helpers.js';

test('port 0 gives a free port, and connections come to it', async (t) => {
  const { server, connection, peer } = await pairOf(t);
  t.like(server.address, { address: '127.0.0.1', family: 'IPv4' });
  t.is(peer.remotePort, server.address.port);
  t.deepEqual(connection.localAddress, server.address);
  t.like(connection.remoteAddress, { address: '127.0.0.1', port: peer.localPort, family: 'IPv4' });
});

test('a backlog above net.core.somaxconn is cut by the kernel, not refused', async (t) => {
  const { peer } = await pairOf(t, { backlog: 65_535 });
  t.is(peer.readyState, 'open');
});

test('without a host the server listens on every address', async (t) => {
  const server = await listen({ port: 0 });
  t.teardown(() => server.destroy());
  const accepted = server[Symbol.asyncIterator]();
  // The kernel gives an IPv6 socket the connections of both families.
  if (hasLoopback6) t.true(isIPv6(server.address.address));
  const hosts = hasLoopback6 ? ['127.0.0.1', '::1'] : ['127.0.0.1'];
  for (const host of hosts) {
    const [connection, peer] = await Promise.all([
      nextOf(accepted),
      dial(server.address.port, host),
    ]);
    t.is(connection.remoteAddress?.port, peer.localPort);
    peer.destroy();
  }
});

test('an occupied port: EADDRINUSE with syscall, address and port', async (t) => {
  const { port } = await netServer(t, '127.0.0.1');
  const error = await rejection(listen({ host: '127.0.0.1', port }));
  t.true(error instanceof EdgepollError);
  t.like(error, { code: 'EADDRINUSE', errno: -98, address: '127.0.0.1', port });
  t.true(['bind', 'listen'].includes(error.syscall ?? ''), `syscall: ${error.syscall}`);
  t.regex(
    error.message,
    new RegExp(`EADDRINUSE: address already in use.* 127\\.0\\.0\\.1:${port}`),
  );
});

test('an occupied port without a host is not taken on another family', async (t) => {
  const { port } = await netServer(t);
  t.is((await rejection(listen({ port }))).code, 'EADDRINUSE');
});

loopback6Test('a port that is occupied on IPv6 alone is not taken on IPv4', async (t) => {
  const { port } = (await serverOf(t, { host: '::', ipv6Only: true })).address;
  t.like(await rejection(listen({ port })), { code: 'EADDRINUSE', address: '::', port });
  t.is((await serverOf(t, { host: '0.0.0.0', port })).address.port, port);
});

test.serial(
  'for a name with several addresses the server listens on the first or fails',
  async (t) => {
    // 192.0.2.0/24 is TEST-NET-1 (RFC 5737), which no machine has.
    resolveAs(t, ['192.0.2.1', '127.0.0.1']);
    const error = await rejection(listen({ host: 'two.example', port: 0 }));
    t.like(error, { code: 'EADDRNOTAVAIL', address: '192.0.2.1' });
  },
);

test.serial('the defaults are those of the documentation', async (t) => {
  const prototype = nativeMethods();
  const real = prototype['listen'] as NativeMethod;
  t.teardown(() => (prototype['listen'] = real));
  let passed: unknown[] = [];
  prototype['listen'] = function (this: unknown, ...all) {
    passed = all;
    return real.call(this, ...all);
  };
  await serverOf(t);
  const connection = {
    ...defaultSettings,
    firstByteTimeout: 30_000,
    maxTotalBuffered: 268_435_456,
    buffers: { receive: 131_072, send: 0, unsent: 131_072 },
  };
  const flags = { backlog: 4_096, reusePort: false, ipv6Only: false };
  const maxConnections = Math.floor(mostDescriptors() * 0.8);
  const perAddress = Math.floor(maxConnections / 2);
  const admission = { perAddress, rate: 16_384, exempt: [], block: [], reset: true };
  t.deepEqual(passed, [
    '127.0.0.1',
    0,
    { connection, ...flags, maxConnections, credit: 0, admission },
  ]);
});

test.serial(
  'an occupied port without a host, on a machine without IPv6: EADDRINUSE all the same',
  async (t) => {
    const prototype = nativeMethods();
    const { port } = await netServer(t, '0.0.0.0');
    const real = prototype['listen'] as NativeMethod;
    t.teardown(() => (prototype['listen'] = real));
    // The kernel's error when it was started with ipv6.disable=1, when the machine has no IPv6 address, and when the kernel
    // was built without IPv6.
    for (const code of ['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EPROTONOSUPPORT'] as const) {
      prototype['listen'] = function (this: unknown, address, ...rest) {
        if (address !== '::') return real.call(this, address, ...rest);
        return { slot: 0, generation: 0, errno: constants.errno[code], syscall: 'socket' };
      };
      t.like(await rejection(listen({ port })), { code: 'EADDRINUSE', address: '0.0.0.0', port });
    }
  },
);

test('a port that needs a privilege: EACCES with syscall, address and port', async (t) => {
  const first = readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8').trim();
  if (Number(first) <= 1) {
    t.log(`skipped: no port needs one here, net.ipv4.ip_unprivileged_port_start is ${first}`);
    t.pass();
    return;
  }
  const isRoot = process.getuid?.() === 0;
  const setpriv = which('setpriv');
  if (isRoot && setpriv === undefined) {
    t.log('skipped: this is root, and there is no setpriv to give the privilege up');
    t.pass();
    return;
  }
  const drop = ['--bounding-set=-net_bind_service', '--inh-caps=-net_bind_service'];
  const before = isRoot && setpriv !== undefined ? [setpriv, ...drop] : [];
  const error = await runChild<NodeJS.ErrnoException>('listen', ['127.0.0.1', '1'], before);
  t.like(error, { code: 'EACCES', errno: -13, address: '127.0.0.1', port: 1 });
  t.true(['bind', 'listen'].includes(error.syscall ?? ''), `syscall: ${error.syscall}`);
});

test('an address that this machine does not have: EADDRNOTAVAIL', async (t) => {
  const error = await rejection(listen({ host: '192.0.2.1', port: 0 }));
  t.like(error, { code: 'EADDRNOTAVAIL', errno: -99, address: '192.0.2.1', port: 0 });
});

test("a name that does not resolve: the resolver's own error", async (t) => {
  const error = await rejection(listen({ host: 'no-such-host.invalid', port: 0 }));
  t.is(error.syscall, 'getaddrinfo');
  t.true(['ENOTFOUND', 'EAI_AGAIN'].includes(error.code ?? ''), `code: ${error.code}`);
});

test('a port is free again once the server is closed, and after a listen that failed', async (t) => {
  const first = await serverOf(t);
  const { port } = first.address;
  t.is((await rejection(listen({ host: '127.0.0.1', port }))).code, 'EADDRINUSE');
  await first.close();
  const second = await serverOf(t, { port });
  t.is(second.address.port, port);
});

test('reusePort: several servers share an address only if all set the option', async (t) => {
  const first = await serverOf(t, { reusePort: true });
  const { port } = first.address;
  t.is((await rejection(listen({ host: '127.0.0.1', port }))).code, 'EADDRINUSE');
  const second = await serverOf(t, { reusePort: true, port });
  t.is(second.address.port, port);
});

loopback6Test('ipv6Only: without it a server on :: accepts IPv4 too', async (t) => {
  const both = await serverOf(t, { host: '::' });
  t.is((await dial(both.address.port)).destroy().destroyed, true);
  const only = await serverOf(t, { host: '::', ipv6Only: true });
  const { port } = only.address;
  t.is((await rejection(dial(port))).code, 'ECONNREFUSED');
  t.is((await serverOf(t, { port })).address.port, port);
});

for (const [name, option, expected] of [
  ['left out', {}, true],
  ['true', { noDelay: true }, true],
  ['false', { noDelay: false }, false],
] as const) {
  test(`noDelay ${name}: TCP_NODELAY is ${expected ? '' : 'not '}set at both ends`, async (t) => {
    const server = await serverOf(t, option);
    const [accepted, connected] = await Promise.all([
      nextOf(server[Symbol.asyncIterator]()),
      connect({ host: '127.0.0.1', port: server.address.port, ...option }),
    ]);
    const descriptors = [accepted, connected].map(({ localAddress, remoteAddress }) =>
      descriptorOf({ localPort: localAddress?.port, remotePort: remoteAddress?.port }),
    );
    const python = startPython(t, ...descriptors);
    for (const fd of [3, 4]) {
      const expression = `socket.socket(fileno=${fd}).getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)`;
      t.is(Boolean(await python.run(expression)), expected);
    }
    connected.destroy();
  });
}

test('a signal that was aborted before: its reason, and nothing is bound', async (t) => {
  const reason = new Error('not today');
  const { port } = (await serverOf(t)).address;
  // A bind would fail with EADDRINUSE: the signal comes first.
  const options = { host: '127.0.0.1', port, signal: AbortSignal.abort(reason) };
  t.is(await rejection(listen(options)), reason);
});

test.serial('a signal that was aborted before: the resolver is not called', async (t) => {
  const reason = new Error('not today');
  resolveAs(t, []);
  t.is(
    await rejection(listen({ host: 'localhost', port: 0, signal: AbortSignal.abort(reason) })),
    reason,
  );
});

for (const host of ['localhost', '127.0.0.1']) {
  test(`a signal that is aborted right after listen() on ${host}: its reason`, async (t) => {
    const controller = new AbortController();
    const reason = new Error('too late');
    const promise = listen({ host, port: 0, signal: controller.signal });
    controller.abort(reason);
    t.is(await rejection(promise), reason);
    t.is(getEventListeners(controller.signal, 'abort').length, 0);
  });
}

test('a signal that is aborted later destroys the server and its connections; its loop throws the reason', async (t) => {
  const controller = new AbortController();
  const reason = new Error('enough');
  const { server, accepted, connection, peer } = await pairOf(t, { signal: controller.signal });
  const { port } = server.address;
  t.is(getEventListeners(controller.signal, 'abort').length, 1);
  const reading = drain(connection);
  const gone = new Promise((resolve) => {
    peer.once('close', resolve);
    peer.resume();
    peer.end();
  });
  controller.abort(reason);
  await server.closed;
  t.is((await reading).error, reason);
  t.like(await connection.closed, { cause: 'destroyed', error: reason });
  t.is(await rejection(accepted.next()), reason);
  t.true((await accepted.next()).done, 'once');
  t.is(getEventListeners(controller.signal, 'abort').length, 0);
  t.is((await rejection(dial(port))).code, 'ECONNREFUSED');
  await gone;
});

test('a signal that is aborted later with a reason that is no error: connections get an AbortError whose cause it is', async (t) => {
  const controller = new AbortController();
  const { server, accepted, connection } = await pairOf(t, { signal: controller.signal });
  controller.abort('enough');
  await server.closed;
  const { cause, error } = await connection.closed;
  t.is(cause, 'destroyed');
  t.like(error, { name: 'AbortError', cause: 'enough' });
  t.true((await rejection(connection.read())) === error);
  t.deepEqual(await Promise.allSettled([accepted.next()]), [
    { status: 'rejected', reason: 'enough' },
  ]);
});

test('a signal that is aborted while close() waits destroys the open connections', async (t) => {
  const controller = new AbortController();
  const { server, accepted, connection } = await pairOf(t, { signal: controller.signal });
  const reason = new Error('no longer');
  const closing = server.close();
  controller.abort(reason);
  await closing;
  t.is((await connection.closed).error, reason);
  t.is(await rejection(accepted.next()), reason);
  t.is(getEventListeners(controller.signal, 'abort').length, 0);
});

test('a closed server leaves no listener on the signal', async (t) => {
  const { signal } = new AbortController();
  for (let round = 0; round < 50; round += 1) {
    const host = round % 2 === 0 ? '127.0.0.1' : 'localhost';
    const server = await listen({ host, port: 0, signal });
    await server.close();
  }
  const { port } = (await serverOf(t)).address;
  await rejection(listen({ host: '127.0.0.1', port, signal }));
  t.is(getEventListeners(signal, 'abort').length, 0);
});
