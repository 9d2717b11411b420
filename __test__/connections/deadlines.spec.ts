// Deadlines of the peer: which error each one is, which counter, and what the options allow.
import test from 'ava';
import type { ListenOptions, ServerStats } from 'edgepoll';
import { connect, listen } from 'edgepoll';

import { dial, nextOf, pairOf, rejection, send } from '../support/net.js';
import { drivers } from '../support/process.js';

interface Late {
  options: Partial<ListenOptions>;
  code: string;
  counter: keyof ServerStats;
  /** What the peer does, and what this side writes. */
  peer?: string;
  writes?: Uint8Array;
}

const late: Record<string, Late> = {
  'no first byte': {
    options: { firstByteTimeout: 30 },
    code: 'ERR_FIRST_BYTE_TIMEOUT',
    counter: 'firstByteTimeouts',
  },
  'no byte any more': {
    options: { idleTimeout: 30 },
    code: 'ERR_IDLE_TIMEOUT',
    counter: 'idleTimeouts',
    peer: 'hello\n',
  },
  'half a message': {
    options: { messageTimeout: 30, framing: 'lines' },
    code: 'ERR_MESSAGE_TIMEOUT',
    counter: 'messageTimeouts',
    peer: 'hel',
  },
  'reads nothing': {
    options: { sendTimeout: 30, minSendRate: 2 ** 31 - 1, maxBufferedAmount: 2 ** 26 },
    code: 'ERR_SEND_TIMEOUT',
    counter: 'sendTimeouts',
    // More than the kernel takes.
    writes: Buffer.alloc(2 ** 24),
  },
};

for (const driver of drivers) {
  for (const [name, { options, code, counter, peer: text, writes }] of Object.entries(late)) {
    test(`a peer that is late: ${name}; driver ${driver}`, async (t) => {
      const { server, connection, peer } = await pairOf(t, { ...options, driver });
      peer.on('error', () => {});
      if (text !== undefined) await send(peer, text);
      if (writes !== undefined) {
        peer.pause();
        t.is((await rejection(connection.write(writes))).code, code);
      }
      const { cause, error } = await connection.closed;
      t.is(cause, 'failed');
      t.is((error as NodeJS.ErrnoException).code, code);
      const [option] = Object.keys(options);
      t.regex((error as Error).message, new RegExp(`within ${option} \\(30 ms`));
      t.is(server.stats()[counter], 1);
      // The server goes on.
      const second = await dial(server.address.port);
      t.teardown(() => second.destroy());
    });
  }
}

test('a client has the deadlines too, except the one for the first byte', async (t) => {
  const server = await listen({ host: '127.0.0.1', port: 0 });
  t.teardown(() => server.destroy());
  const { port } = server.address;
  const options = { host: '127.0.0.1', port, idleTimeout: 30 };
  const connection = await connect(options);
  t.teardown(() => connection.destroy());
  await nextOf(server[Symbol.asyncIterator]());
  const { error } = await connection.closed;
  t.is((error as NodeJS.ErrnoException).code, 'ERR_IDLE_TIMEOUT');
  await t.throwsAsync(connect({ ...options, firstByteTimeout: 1 } as never), {
    code: 'ERR_UNKNOWN_OPTION',
  });
});

const names = [
  'firstByteTimeout',
  'idleTimeout',
  'messageTimeout',
  'minReceiveRate',
  'sendTimeout',
  'minSendRate',
];

for (const name of names) {
  test(`${name}: only a whole number from 1 to 2^31 − 1`, async (t) => {
    for (const value of [0, -1, 0.5, Infinity, NaN, 2 ** 31])
      await t.throwsAsync(listen({ port: 0, [name]: value }), {
        instanceOf: RangeError,
        message: new RegExp(`${name}.*${String(value).slice(0, 4)}`),
      });
    for (const value of ['1', null, true, 1n])
      await t.throwsAsync(listen({ port: 0, [name]: value }), { instanceOf: TypeError });
  });
}

for (const name of ['firstByteTimeout', 'messageTimeout', 'sendTimeout']) {
  test(`${name}: at most idleTimeout`, async (t) => {
    await t.throwsAsync(listen({ port: 0, idleTimeout: 1000, [name]: 1001 }), {
      instanceOf: RangeError,
      message: new RegExp(`${name}.*1001`),
    });
    const server = await listen({ host: '127.0.0.1', port: 0, idleTimeout: 1000, [name]: 1000 });
    await server.close();
  });
}
