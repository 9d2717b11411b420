/** docs/errors.md has every code, and what it says of a code happens. */
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { ExecutionContext } from 'ava';
import test from 'ava';
import { connect, EdgepollError, listen, Poller } from 'edgepoll';
import { EventFd, inotify, pidfd, pipe, Socket, socket } from 'edgepoll/fd';
import type { SocketAddress } from 'edgepoll/fd';

import { speakingPair } from '../protocols/helpers.js';
import { plugin, probe } from '../protocols/probe.js';
import { addon } from '../support/addon.js';
import { dial, freePort, nextOf, pairOf, rejection, send, serverOf } from '../support/net.js';
import { folder, root } from '../support/process.js';

const native = addon as {
  errorName(errno: number): string;
  errorText(errno: number): string;
};
const read = (name: string): string => readFileSync(join(root, name), 'utf8');

/** The rows of the document's tables, by the code in the first column. */
function rowsByCode(): Map<string, string> {
  const map = new Map<string, string>();
  const rows = read('docs/errors.md').matchAll(/^\| ((?:`\w+`(?:, )?)+) \| (.*) \|$/gm);
  for (const [, codes = '', rest = ''] of rows) {
    for (const [, code = ''] of codes.matchAll(/`(E\w+|UNKNOWN)`/g)) {
      if (map.has(code)) throw new Error(`docs/errors.md has ${code} twice`);
      map.set(code, rest);
    }
  }
  return map;
}

/** The codes in the union `name` of index.d.ts. */
function union(name: string): string[] {
  const found = new RegExp(`type ${name} =\\s([^;]*);`).exec(read('index.d.ts'))?.[1] ?? '';
  return Array.from(found.matchAll(/'(\w+)'/g), ([, code = '']) => code);
}

test('docs/errors.md has every code once, and no other', (t) => {
  const ofArguments = new Set<string>();
  for (const name of readdirSync(join(root, 'src/internal'))) {
    if (name === 'error-codes.ts' || !name.endsWith('.ts')) continue;
    const text = read(`src/internal/${name}`);
    for (const [, code = ''] of text.matchAll(/, '(ERR_(?:INVALID|OUT|UNKNOWN)\w+)'/g))
      ofArguments.add(code);
  }
  t.is(ofArguments.size, 4);
  const ofAddon = read('src/internal/addon-error.cts').match(/(?<=^  \| ')\w+/gm) ?? [];
  t.is(ofAddon.length, 5);
  const expected = [
    ...union('PackageErrorCode'),
    ...union('SystemErrorCode'),
    ...ofArguments,
    ...ofAddon,
  ];
  t.deepEqual([...rowsByCode().keys()].toSorted(), expected.toSorted());
});

test('docs/errors.md has the words of the error messages for the codes that it does not explain', (t) => {
  const texts = new Map<string, string>();
  for (let errno = 1; errno <= 4095; errno += 1) {
    const name = native.errorName(errno);
    if (name !== 'UNKNOWN' && !texts.has(name)) texts.set(name, native.errorText(errno));
  }
  const short = [...rowsByCode()].filter(([code, rest]) => texts.has(code) && !rest.includes('|'));
  t.true(short.length > 50);
  for (const [code, rest] of short) t.is(rest, texts.get(code) ?? '', code);
});

/** Does what the row of a code describes. */
type Provoke = (t: ExecutionContext) => unknown;

/** A regular file, which is closed with the test. */
function regularFile(t: ExecutionContext): number {
  const fd = openSync(join(root, 'package.json'), 'r');
  t.teardown(() => closeSync(fd));
  return fd;
}

function pollerOf(t: ExecutionContext, engine?: 'select'): Poller {
  const poller = new Poller({ engine });
  t.teardown(() => poller.close());
  return poller;
}

/** A pipe and its registration with a poller. */
function registered(t: ExecutionContext, exclusive = false) {
  const { reader, writer } = pipe();
  t.teardown(() => {
    reader.close();
    writer.close();
  });
  const poller = pollerOf(t);
  return { poller, reader, writer, registration: poller.register(reader, { exclusive }) };
}

function opened(t: ExecutionContext, family: 'inet' | 'unix', type: 'stream' | 'dgram'): Socket {
  const one = socket(family, type);
  t.teardown(() => one.close());
  return one;
}

const loopback = (port: number): SocketAddress => ({ family: 'inet', address: '127.0.0.1', port });

/** A file's number that select(2) cannot take. */
function numberAbove(t: ExecutionContext, limit: number): number {
  for (;;) {
    const fd = regularFile(t);
    if (fd > limit) return fd;
  }
}

const provoked: Record<string, Provoke> = {
  ERR_BLOCKING: (t) => {
    const listener = opened(t, 'inet', 'stream');
    listener.bind(loopback(0));
    listener.listen();
    const one = opened(t, 'inet', 'stream');
    // libuv clears O_NONBLOCK of a descriptor that it passes as a child's standard input.
    spawnSync('true', { stdio: [one.fd, 'ignore', 'ignore'] });
    return one.connect(listener.localAddress);
  },
  ERR_BUFFER_SIZE: () => listen({ host: '127.0.0.1', port: 0, receiveBufferSize: 2 ** 31 - 1 }),
  ERR_CLOSED: (t) => {
    const { registration } = registered(t);
    registration.unregister();
    return registration.modify({});
  },
  ERR_CONSUMED: async (t) => {
    const { server } = await pairOf(t);
    return server.events().next();
  },
  ERR_DESCRIPTOR_CLOSED: async (t) => {
    const { reader, writer } = pipe();
    t.teardown(() => writer.close());
    const fd = reader.release();
    const poller = pollerOf(t);
    poller.register(fd);
    closeSync(fd);
    return poller.poll();
  },
  ERR_DESCRIPTOR_KIND: (t) => EventFd.adopt(regularFile(t)),
  ERR_EXCLUSIVE: (t) => registered(t, true).registration.rearm(),
  ERR_FD_SETSIZE: (t) => pollerOf(t, 'select').register(numberAbove(t, 1023)),
  ERR_FIRST_BYTE_TIMEOUT: async (t) =>
    (await pairOf(t, { firstByteTimeout: 20 })).connection.read(),
  ERR_FRAME_TOO_LONG: async (t) => {
    const { connection, peer } = await pairOf(t, { framing: 'lines', maxFrame: 10 });
    await send(peer, 'x'.repeat(100));
    return connection.read();
  },
  ERR_FRAME_TRUNCATED: async (t) => {
    const { connection, peer } = await pairOf(t, { framing: 'netstring' });
    peer.end('5:abc');
    return connection.read();
  },
  ERR_IDLE_TIMEOUT: async (t) => (await pairOf(t, { idleTimeout: 20 })).connection.read(),
  ERR_MALFORMED: async (t) => {
    const { connection } = await pairOf(t, { framing: 'lines' });
    return connection.write('two\nlines');
  },
  ERR_MESSAGE_TIMEOUT: async (t) => {
    const { connection, peer } = await pairOf(t, { framing: 'lines', messageTimeout: 20 });
    await send(peer, 'half');
    return connection.read();
  },
  ERR_NOT_POLLABLE: (t) => pollerOf(t).register(regularFile(t)),
  ERR_OPTION_LENGTH: (t) => opened(t, 'inet', 'stream').getOption('SOL_SOCKET', 'SO_LINGER'),
  ERR_PROTOCOL_FAULT: async (t) => {
    const { connection, peer } = await speakingPair(t, probe());
    await send(peer, 'panic\n');
    return connection.read();
  },
  ERR_PROTOCOL_MISMATCH: () =>
    listen({ port: 0, host: '127.0.0.1', protocol: probe(plugin.version({ abi: 2 })) }),
  ERR_PROTOCOL_REFUSED: async (t) => {
    const { connection, peer } = await speakingPair(t, probe());
    await send(peer, 'refuse\n');
    return connection.read();
  },
  ERR_SEND_QUEUE_FULL: async (t) => {
    const { connection, peer } = await pairOf(t, { highWaterMark: 1000, maxBufferedAmount: 1000 });
    peer.pause();
    // More than the kernel's buffers take.
    void connection.write(Buffer.alloc(2 ** 25));
    return connection.write('more');
  },
  ERR_SEND_TIMEOUT: async (t) => {
    const options = { sendTimeout: 20, minSendRate: 2 ** 31 - 1 };
    const { connection, peer } = await pairOf(t, options);
    peer.pause();
    // More than the kernel's buffers take.
    return connection.write(Buffer.alloc(2 ** 25));
  },
  ERR_SERVER_FULL: async (t) => {
    const { connection, peer } = await pairOf(t, { maxTotalBufferedAmount: 262_144 });
    peer.pause();
    void connection.write(Buffer.alloc(8_388_608)).catch(() => {});
    return connection.read();
  },
  ERR_WRITE_AFTER_END: async (t) => {
    const { connection } = await pairOf(t);
    await connection.end();
    return connection.write('more');
  },
  EADDRINUSE: async (t) => {
    const { address } = await serverOf(t);
    return listen({ host: '127.0.0.1', port: address.port });
  },
  // 192.0.2.0/24 is reserved for documentation (RFC 5737).
  EADDRNOTAVAIL: () => listen({ host: '192.0.2.1', port: 0 }),
  EAFNOSUPPORT: (t) =>
    opened(t, 'inet', 'stream').connect({ family: 'inet6', address: '::1', port: 1 }),
  EAGAIN: (t) => {
    const address: SocketAddress = { family: 'unix', path: `\0edgepoll-errors-${process.pid}` };
    const listener = opened(t, 'unix', 'stream');
    listener.bind(address);
    listener.listen(0);
    for (;;) opened(t, 'unix', 'stream').connect(address);
  },
  EBADF: (t) => {
    const { reader, writer } = pipe();
    t.teardown(() => writer.close());
    closeSync(reader.fd);
    return reader.close();
  },
  ECONNREFUSED: (t) => connect({ host: '127.0.0.1', port: freePort(t) }),
  ECONNRESET: async (t) => {
    const { connection, peer } = await pairOf(t);
    peer.resetAndDestroy();
    return connection.read();
  },
  EEXIST: (t) => {
    const { poller, reader } = registered(t);
    return poller.register(reader);
  },
  EMSGSIZE: (t) => opened(t, 'inet', 'dgram').send(Buffer.alloc(70_000), loopback(9)),
  ENAMETOOLONG: (t) => opened(t, 'unix', 'stream').bind({ family: 'unix', path: 'x'.repeat(108) }),
  ENOENT: (t) => {
    const changes = inotify();
    t.teardown(() => changes.close());
    return changes.add(join(folder(t), 'none'), ['create']);
  },
  ENOPROTOOPT: (t) => opened(t, 'inet', 'stream').getOption('SOL_SOCKET', 999),
  ENOTCONN: (t) => opened(t, 'inet', 'stream').remoteAddress,
  ENOTDIR: (t) => {
    const changes = inotify();
    t.teardown(() => changes.close());
    return changes.add(join(root, 'package.json'), ['create', 'onlyDirectory']);
  },
  ENOTSOCK: (t) => Socket.adopt(regularFile(t)),
  EOPNOTSUPP: (t) => opened(t, 'unix', 'dgram').listen(),
  EPIPE: (t) => {
    const { reader, writer } = pipe();
    t.teardown(() => writer.close());
    reader.close();
    return writer.write('x');
  },
  // More than the largest number of a process.
  ESRCH: () => pidfd(2 ** 22 + 1),
  ETIMEDOUT: async (t) => {
    const { accepted, server } = await pairOf(t, { endTimeout: 50 });
    const peer = await dial(server.address.port);
    t.teardown(() => peer.destroy());
    const connection = await nextOf(accepted);
    await connection.end();
    const { error } = await connection.closed;
    throw error;
  },
};

for (const [code, provoke] of Object.entries(provoked)) {
  test(`docs/errors.md: ${code}`, async (t) => {
    const error = await rejection(Promise.resolve().then(() => provoke(t)));
    t.is(error.code, code, error.message);
    t.true(error instanceof EdgepollError);
  });
}

test('each code of the package happens in a test above', (t) => {
  const missing = union('PackageErrorCode').filter((code) => provoked[code] === undefined);
  t.deepEqual(missing, []);
  const described = rowsByCode();
  for (const code of Object.keys(provoked)) t.true(described.get(code)?.includes('|'), code);
});
