// Each row of the table in docs/limits.md, with real sockets. A test has the name of its row.
import { readFileSync } from 'node:fs';

import test from 'ava';
import type { ExecutionContext } from 'ava';
import type { Connection, ListenOptions, Server, ServerStats } from 'edgepoll';

import { eventually, rounds } from '../../support/eventually.js';
import { dial, nextOf, pairOf, send, serverOf } from '../../support/net.js';
import { standsStill } from '../helpers.js';
import { dialFrom, echo, tryFrom } from './helpers.js';

/** Declares the test of a row. */
function row(name: string, body: (t: ExecutionContext) => Promise<void>): void {
  test(`limits.md: ${name}`, body);
}

const LINE = `${'x'.repeat(899)}\n`;

row('unread bytes', async (t) => {
  const options = { readHighWaterMark: 20_000, maxFrame: 1000, framing: 'lines' } as const;
  const { connection, peer } = await pairOf(t, options);
  // More than the kernel's buffers hold, and a line that has begun at the end of each turn.
  peer.write(LINE.repeat(10_000));
  let taken = 0;
  for (let read = 0; read < 60; read += 1) {
    await standsStill('bytesRead', () => connection.bytesRead);
    const unread = connection.bytesRead - taken;
    t.true(unread > 5_000 && unread <= 2 * 20_000 + 1000, `${unread} bytes after ${read} reads`);
    taken += ((await connection.read())?.length ?? 0) + 1;
  }
  connection.destroy();
});

row('a message without an end', async (t) => {
  const { server, connection, peer } = await pairOf(t, { framing: 'lines', maxFrame: 1000 });
  peer.on('error', () => {});
  await send(peer, 'x'.repeat(1002));
  const { error } = await connection.closed;
  t.is((error as NodeJS.ErrnoException).code, 'ERR_FRAME_TOO_LONG');
  t.regex((error as Error).message, /maxFrame \(1000\)/);
  t.is(server.stats().overMaxFrame, 1);
});

row('unsent bytes', async (t) => {
  const { server, connection, peer } = await pairOf(t, {
    highWaterMark: 1000,
    maxBufferedAmount: 100_000,
  });
  peer.on('error', () => {});
  const failures: NodeJS.ErrnoException[] = [];
  let most = 0;
  for (let count = 0; count < 100_000 && failures.length === 0; count += 1) {
    connection.write(Buffer.alloc(10_000)).catch((error) => failures.push(error));
    most = Math.max(most, connection.bufferedAmount);
    if (count % 16 === 0) await rounds(1);
  }
  const [failure] = failures;
  t.is(failure?.code, 'ERR_SEND_QUEUE_FULL');
  t.regex(failure?.message ?? '', /maxBufferedAmount \(100000\)/);
  t.true(most <= 110_000, `${most} bytes`);
  await connection.closed;
  t.is(server.stats().overBufferedAmount, 1);
});

row('unsent bytes of an echo', async (t) => {
  const mark = 30_000;
  const server = await serverOf(t, { highWaterMark: mark, readHighWaterMark: mark });
  let most = 0;
  let written = 0;
  void (async () => {
    for await (const event of server.events()) {
      if (event.type !== 'data') continue;
      void event.connection.write(event.data);
      written += event.data.length;
      most = Math.max(most, event.connection.bufferedAmount);
    }
  })();
  const peer = await dial(server.address.port);
  t.teardown(() => peer.destroy());
  // The peer reads nothing, and sends as long as the server takes something.
  peer.write(Buffer.alloc(64 * 1_048_576));
  await standsStill('what is written', () => (written === 0 ? -Math.random() : written));
  t.true(most >= mark && most <= 2 * mark, `${most} bytes`);
});

interface Late {
  options: Partial<ListenOptions>;
  code: string;
  counter: keyof ServerStats;
  /** How many milliseconds the connection has at least, and why the message says so. */
  least: number;
  says: RegExp;
  /** What the client sends. */
  sends?: string;
  /** What the server does. */
  serves?: (connection: Connection) => void;
}

const late: Record<string, Late> = {
  'time without a first byte': {
    options: { firstByteTimeout: 60 },
    code: 'ERR_FIRST_BYTE_TIMEOUT',
    counter: 'firstByteTimeouts',
    least: 60,
    says: /firstByteTimeout \(60 ms\)/,
  },
  'time without a byte': {
    options: { idleTimeout: 60 },
    code: 'ERR_IDLE_TIMEOUT',
    counter: 'idleTimeouts',
    least: 60,
    says: /idleTimeout \(60 ms\)/,
    sends: 'hello\n',
  },
  'time for a message': {
    options: { messageTimeout: 60, minReceiveRate: 100, framing: 'lines' },
    code: 'ERR_MESSAGE_TIMEOUT',
    counter: 'messageTimeouts',
    // 20 bytes at 100 a second.
    least: 260,
    says: /messageTimeout \(60 ms, and a second for each 100 bytes: minReceiveRate\)/,
    sends: 'x'.repeat(20),
  },
  'time with unsent bytes': {
    options: { sendTimeout: 60, minSendRate: 2 ** 31 - 1, maxBufferedAmount: 2 ** 26 },
    code: 'ERR_SEND_TIMEOUT',
    counter: 'sendTimeouts',
    least: 60,
    says: /sendTimeout \(60 ms, and a second for each 2147483647 bytes: minSendRate\)/,
    // More than the kernel takes.
    serves: (connection) => void connection.write(Buffer.alloc(2 ** 25)).catch(() => {}),
  },
  'time to end': {
    options: { endTimeout: 60 },
    code: 'ETIMEDOUT',
    counter: 'endTimeouts',
    least: 60,
    says: /ETIMEDOUT/,
    serves: (connection) => void connection.end().catch(() => {}),
  },
};

for (const [name, { options, code, counter, least, says, sends, serves }] of Object.entries(late)) {
  row(name, async (t) => {
    const server = await serverOf(t, options);
    const next = nextOf(server[Symbol.asyncIterator]());
    const started = performance.now();
    const peer = await dial(server.address.port);
    peer.on('error', () => {});
    t.teardown(() => peer.destroy());
    peer.pause();
    if (sends !== undefined) await send(peer, sends);
    const connection = await next;
    serves?.(connection);
    const { error } = await connection.closed;
    const passed = performance.now() - started;
    t.is((error as NodeJS.ErrnoException).code, code);
    t.regex((error as Error).message, says);
    // The kernel's clock counts the connection's time from its accept, which is later than `started`.
    t.true(passed >= least, `${passed} ms`);
    t.is(server.stats()[counter], 1);
  });
}

/** How many received bytes wait in the kernel for the connection of this client. */
function inKernel(localPort: number, remotePort: number): number {
  const hex = (port: number): string => port.toString(16).toUpperCase().padStart(4, '0');
  const found = new RegExp(
    `: \\w+:${hex(localPort)} \\w+:${hex(remotePort)} \\w\\w \\w+:(\\w+)`,
  ).exec(readFileSync('/proc/net/tcp', 'latin1'));
  return Number.parseInt(found?.[1] ?? 'none', 16);
}

row('received bytes in the kernel', async (t) => {
  const waiting: number[] = [];
  for (const receiveBufferSize of [16_384, 131_072]) {
    const { server, connection, peer } = await pairOf(t, { receiveBufferSize });
    connection.pause();
    peer.write(Buffer.alloc(16 * 1_048_576));
    const count = (): number => inKernel(server.address.port, peer.localPort ?? 0);
    await eventually('bytes wait', () => count() > 0);
    await standsStill('what waits', count);
    t.true(count() <= 2 * receiveBufferSize, `${count()} of ${receiveBufferSize} bytes`);
    waiting.push(count());
    connection.destroy();
  }
  t.true((waiting[1] ?? 0) > 2 * 16_384, waiting.join(', '));
});

row('a reset', async (t) => {
  const { server, connection, peer } = await pairOf(t);
  peer.resetAndDestroy();
  const { error } = await connection.closed;
  t.is((error as NodeJS.ErrnoException).code, 'ECONNRESET');
  t.like(server.stats(), { open: 0, resets: 1 });
});

row('open connections', async (t) => {
  const server = await serverOf(t, { maxConnectionsPerAddress: 3 });
  echo(server);
  const held = await open(t, server, 3, '127.0.0.2');
  for (let count = 0; count < 5; count += 1) t.is(await tryFrom(t, server, '127.0.0.2'), 'reset');
  t.is(await tryFrom(t, server, '127.0.0.3'), 'open');
  t.like(server.stats(), { open: 4, overAddressLimit: 5 });
  for (const socket of held) t.false(socket.destroyed);
});

row('connects in a second', async (t) => {
  const server = await serverOf(t, { acceptRatePerAddress: 5 });
  echo(server);
  const started = performance.now();
  const outcomes = await Promise.all(
    Array.from({ length: 30 }, () => tryFrom(t, server, '127.0.0.2')),
  );
  const seconds = (performance.now() - started) / 1000;
  const accepted = outcomes.filter((outcome) => outcome === 'open').length;
  t.true(accepted >= 5 && accepted <= 5 + Math.ceil(seconds * 5), `${accepted} in ${seconds} s`);
  t.is(server.stats().overAcceptRate, 30 - accepted);
});

row('an address on the block list', async (t) => {
  const server = await serverOf(t, { blockList: ['127.0.0.0/30'] });
  echo(server);
  t.is(await tryFrom(t, server, '127.0.0.3'), 'reset');
  t.is(await tryFrom(t, server, '127.0.0.4'), 'open');
  t.like(server.stats(), { accepted: 1, blocked: 1 });
});

row('an exempt address', async (t) => {
  const server = await serverOf(t, {
    exemptAddresses: ['127.0.0.2'],
    maxConnectionsPerAddress: 1,
    acceptRatePerAddress: 1,
    maxConnections: 4,
  });
  echo(server);
  await open(t, server, 3, '127.0.0.2');
  t.is(await tryFrom(t, server, '127.0.0.3'), 'open');
  t.like(server.stats(), { open: 4, overAddressLimit: 0, overAcceptRate: 0 });
});

row('open connections of all', async (t) => {
  const server = await serverOf(t, { maxConnections: 3, maxConnectionsPerAddress: 3 });
  echo(server);
  const [first] = await open(t, server, 3, '127.0.0.2');
  const waits = dialFrom(t, server.address, '127.0.0.3');
  waits.socket.write('x');
  await rounds();
  t.like(server.stats(), { open: 3, accepted: 3 });
  first?.destroy();
  t.is(await waits.outcome, 'open');
  t.is(server.stats().open, 3);
});

row('connections that wait', async (t) => {
  const server = await serverOf(t, { maxPending: 2 });
  const accepted = server[Symbol.asyncIterator]();
  const first = accepted.next();
  for (let count = 0; count < 8; count += 1) dialFrom(t, server.address, `127.0.0.${2 + count}`);
  await first;
  await standsStill('accepted', () => server.stats().accepted);
  t.true(server.stats().pending <= 2, `${server.stats().pending} wait`);
  t.true(server.stats().accepted <= 3);
  for (let count = 1; count < 8; count += 1) await nextOf(accepted);
  t.is(server.stats().accepted, 8);
});

row('reports of refusals', async (t) => {
  let reports = 0;
  let told = 0;
  const server = await serverOf(t, {
    blockList: ['127.0.0.2'],
    onDrop: ({ count }) => {
      reports += 1;
      told += count;
    },
  });
  echo(server);
  const started = performance.now();
  for (let count = 0; count < 200; count += 1) await tryFrom(t, server, '127.0.0.2');
  await eventually('all are told', () => told === 200);
  const seconds = (performance.now() - started) / 1000;
  t.true(reports <= 1 + seconds * 10, `${reports} reports in ${seconds} s`);
  t.is(server.stats().blocked, 200);
});

/** Opens connections that the server has answered. */
async function open(t: ExecutionContext, server: Server, count: number, from: string) {
  const clients = Array.from({ length: count }, () => dialFrom(t, server.address, from));
  for (const { socket, outcome } of clients) {
    socket.write('x');
    t.is(await outcome, 'open');
  }
  return clients.map(({ socket }) => socket);
}
