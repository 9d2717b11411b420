// The least and the greatest value of each option, and the defaults. Values that are always refused (no number, no integer,
// less than the least value) are in bad-inputs.ts.
import { constants } from 'node:os';

import type { ExecutionContext } from 'ava';
import test from 'ava';
import type { ConnectOptions } from 'edgepoll';
import { connect, listen, Poller } from 'edgepoll';

import { rejection, serverOf } from '../support/net.js';
import { defaultSettings, nativeMethods } from './helpers.js';
import type { NativeMethod } from './helpers.js';

const MOST = 2 ** 31 - 1;
const OVER_MOST = MOST + 1;

type Options = Record<string, number>;

/** The arguments of a native call: the settings of a connection, and every number that was passed. */
interface Passed {
  connection: Record<string, unknown>;
  numbers: number[];
}

/** Calls listen() or connect() without a system call: a stand-in for the native method collects its arguments. */
async function passedBy(
  t: ExecutionContext,
  which: 'listen' | 'connect',
  options: Options,
): Promise<Passed | Error> {
  const prototype = nativeMethods();
  const real = prototype[which] as NativeMethod;
  let all: unknown[] | undefined;
  prototype[which] = (...given: unknown[]) => {
    all = given;
    return { slot: 0, generation: 0, errno: constants.errno.EADDRINUSE, syscall: which };
  };
  try {
    const call: (options: ConnectOptions) => Promise<unknown> =
      which === 'listen' ? listen : connect;
    const error = await rejection(call({ host: '127.0.0.1', port: 1, ...options }));
    if (all === undefined) return error;
    t.is(error.code, 'EADDRINUSE');
  } finally {
    prototype[which] = real;
  }
  const own = all.filter((value) => typeof value === 'object' && value !== null);
  const settings = own.map((value) => ('connection' in value ? value.connection : value));
  const rest = own.flatMap((value) => Object.values(value) as unknown[]);
  return {
    connection: settings[0] as Record<string, unknown>,
    numbers: [...all, ...rest].filter((value) => typeof value === 'number'),
  };
}

// Every test of this file is serial, because they replace native methods of the whole process.
/** Options of both listen() and connect(), and the settings that result. */
const ofBoth: [options: Options, connection: Record<string, number | Record<string, number>>][] = [
  [{ highWaterMark: 1 }, { highWaterMark: 1, lowWaterMark: 0, maxBuffered: 16_777_216 }],
  [{ highWaterMark: 7 }, { highWaterMark: 7, lowWaterMark: 1 }],
  [{ highWaterMark: MOST }, { highWaterMark: MOST, maxBuffered: MOST }],
  [{ highWaterMark: 16_777_217 }, { maxBuffered: 16_777_217, lowWaterMark: 4_194_304 }],
  [{ lowWaterMark: 0 }, { highWaterMark: 65_536, lowWaterMark: 0 }],
  [{ lowWaterMark: 65_535 }, { lowWaterMark: 65_535 }],
  [{ highWaterMark: 10, lowWaterMark: 9 }, { lowWaterMark: 9 }],
  [{ maxBufferedAmount: 65_536 }, { maxBuffered: 65_536 }],
  [{ highWaterMark: 10, maxBufferedAmount: 10 }, { maxBuffered: 10 }],
  [{ maxBufferedAmount: MOST }, { maxBuffered: MOST }],
  [{ endTimeout: 1 }, { endTimeout: 1 }],
  [{ endTimeout: MOST }, { endTimeout: MOST }],
  [{ maxFrame: 1 }, { maxFrame: 1 }],
  [{ maxFrame: MOST }, { maxFrame: MOST }],
  [{ receiveBufferSize: 4096, sendBufferSize: MOST }, { buffers: { receive: 4096, send: MOST } }],
  [{ receiveBufferSize: MOST, sendBufferSize: 4096 }, { buffers: { receive: MOST, send: 4096 } }],
  [{ maxUnsentAmount: 4096 }, { buffers: { unsent: 4096 } }],
  [{ maxUnsentAmount: MOST }, { buffers: { unsent: MOST } }],
  [{ readHighWaterMark: 1 }, { highWaterMark: 65_536 }],
  [{ readHighWaterMark: MOST }, { highWaterMark: 65_536 }],
];

for (const which of ['listen', 'connect'] as const) {
  test.serial(
    `least-and-greatest: the least and the greatest values are passed unchanged, ${which}`,
    async (t) => {
      for (const [options, connection] of ofBoth) {
        const found = await passedBy(t, which, options);
        if (found instanceof Error) t.fail(`${JSON.stringify(options)}: ${found.message}`);
        else t.like(found.connection, connection, JSON.stringify(options));
      }
    },
  );

  test.serial(`least-and-greatest: a value beyond them is refused, ${which}`, async (t) => {
    const refused: [option: string, options: Options][] = [
      ['lowWaterMark', { highWaterMark: 10, lowWaterMark: 10 }],
      ['lowWaterMark', { highWaterMark: 1, lowWaterMark: 1 }],
      ['maxBufferedAmount', { highWaterMark: 10, maxBufferedAmount: 9 }],
      ['highWaterMark', { highWaterMark: OVER_MOST }],
      ['maxBufferedAmount', { maxBufferedAmount: OVER_MOST }],
      ['endTimeout', { endTimeout: OVER_MOST }],
      ['maxFrame', { maxFrame: OVER_MOST }],
      ['readHighWaterMark', { readHighWaterMark: OVER_MOST }],
      ...(which === 'listen'
        ? ([
            ['backlog', { backlog: 65_536 }],
            ['maxPending', { maxPending: 65_536 }],
            ['maxConnections', { maxConnections: OVER_MOST }],
            ['maxConnectionsPerAddress', { maxConnectionsPerAddress: OVER_MOST }],
            ['maxConnectionsPerAddress', { maxConnections: 5, maxConnectionsPerAddress: 6 }],
            ['acceptRatePerAddress', { acceptRatePerAddress: OVER_MOST }],
          ] satisfies [string, Options][])
        : ([['timeout', { timeout: OVER_MOST }]] satisfies [string, Options][])),
    ];
    for (const [option, options] of refused) {
      const found = await passedBy(t, which, options);
      const text = JSON.stringify(options);
      if (found instanceof RangeError)
        t.regex(found.message, new RegExp(`^${option} must be `), text);
      else t.fail(`${text} is taken`);
    }
  });
}

for (const [which, option, values] of [
  ['listen', 'port', [0, 65_535]],
  ['listen', 'backlog', [1, 65_535]],
  ['listen', 'maxConnections', [1, MOST]],
  ['connect', 'port', [1, 65_535]],
  ['connect', 'timeout', [1, MOST]],
] as const) {
  test.serial(`least-and-greatest: ${option} of ${which}() is passed unchanged`, async (t) => {
    for (const value of values) {
      const found = await passedBy(t, which, { [option]: value });
      if (found instanceof Error) t.fail(`${value}: ${found.message}`);
      else t.true(found.numbers.includes(value), `${found.numbers.join(', ')} without ${value}`);
    }
  });
}

test.serial(
  'maxPending: the first next() allows this number of accepted connections',
  async (t) => {
    const prototype = nativeMethods();
    const real = prototype['grant'] as NativeMethod;
    t.teardown(() => (prototype['grant'] = real));
    const granted: unknown[] = [];
    prototype['grant'] = function (this: unknown, ...all) {
      granted.push(all[2]);
      return real.apply(this, all);
    };
    for (const options of [{}, { maxPending: 1 }, { maxPending: 65_535 }]) {
      const server = await serverOf(t, options);
      const next = server[Symbol.asyncIterator]().next();
      server.destroy();
      t.true((await next).done);
    }
    t.deepEqual(granted, [64, 1, 65_535], 'the first is the default');
  },
);

test.serial('the defaults of connect() are those of the documentation', async (t) => {
  const found = await passedBy(t, 'connect', {});
  if (found instanceof Error) throw found;
  t.deepEqual(found.connection, { ...defaultSettings });
  t.true(found.numbers.includes(10_000), 'the time for one address');
});

test("least-and-greatest: a poller's maxEvents is 1 to 65,536", (t) => {
  for (const maxEvents of [1, 65_536]) new Poller({ maxEvents }).close();
  const error = t.throws(() => new Poller({ maxEvents: 65_537 }), { instanceOf: RangeError });
  t.regex(error.message, /^maxEvents must be .*65,?536.*65537/);
});
