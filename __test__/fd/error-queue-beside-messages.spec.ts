/**
 * A loop over the messages of a socket beside one over its error queue. The kernel reports an ICMP error twice: as an entry of the
 * queue, and as the socket's pending error. The loop over the queue gives the entry, and the loop over the messages goes on.
 */
import { setImmediate as turn } from 'node:timers/promises';

import type { ExecutionContext } from 'ava';
import test from 'ava';
import { listen } from 'edgepoll';
import type { Message, QueuedError, Socket, SocketAddress } from 'edgepoll/fd';
import { socket } from 'edgepoll/fd';

import { eventually, rounds } from '../support/eventually.js';
import { reportOf, runInjected } from '../support/injected.js';
import { drivers, runFixture, straceTest } from '../support/process.js';

const any = { inet: '127.0.0.1', inet6: '::1' };
type Family = keyof typeof any;
type Driver = (typeof drivers)[number];

/** A datagram socket with an error queue. */
function queueing(t: ExecutionContext, family: Family = 'inet'): Socket {
  const made = socket(family, 'dgram');
  t.teardown(() => made.close());
  made.bind({ family, address: any[family], port: 0 });
  if (family === 'inet') made.setOption('IPPROTO_IP', 'IP_RECVERR', true);
  else made.setOption('IPPROTO_IPV6', 'IPV6_RECVERR', true);
  return made;
}

/** The address of a port to which no socket is bound: the kernel refuses datagrams to it. */
function refusing(family: Family = 'inet'): SocketAddress {
  const gone = socket(family, 'dgram');
  gone.bind({ family, address: any[family], port: 0 });
  const address = gone.localAddress;
  gone.close();
  return address;
}

/** Sends a datagram that is refused. If the send itself reports the pending error of the previous one, it sends nothing. */
function sendRefused(from: Socket, to?: SocketAddress): void {
  for (;;) {
    try {
      from.send('x', to);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED') throw error;
    }
  }
}

/** Sends from another socket, because its sends do not report this socket's pending error. */
function sendTo(to: Socket, text: string): void {
  const family = to.localAddress.family as Family;
  const other = socket(family, 'dgram');
  other.send(text, to.localAddress);
  other.close();
}

/** Runs a loop in the background and collects its items. */
function collect<T>(items: AsyncIterable<T>) {
  const got: T[] = [];
  const over = (async () => {
    for await (const item of items) got.push(item);
  })();
  // Handles a rejection now, because the test awaits `over` only later.
  over.catch(() => {});
  return { got, over };
}

const texts = (messages: readonly Message[]): string[] =>
  messages.map(({ data }) => data.toString());
const names = (entries: readonly QueuedError[]): unknown[] => entries.map(({ name }) => name);

async function both(t: ExecutionContext, here: Socket, refused: SocketAddress, loops: Loops) {
  const { messages, errors } = loops(here);
  const most = 20;
  for (let round = 1; round <= most; round += 1) {
    for (let count = 0; count < 5; count += 1) sendRefused(here, refused);
    sendTo(here, `${round}`);
    // A turn only after every third round, so that entries also come in bursts.
    if (round % 3 === 0) await rounds(1);
  }
  await eventually(
    'all messages and entries have come',
    () => messages.got.length === most && errors.got.length === most * 5,
  );
  // Both loops sleep now. One more message and one more entry wake them.
  await rounds();
  sendRefused(here, refused);
  sendTo(here, 'last');
  await eventually(
    'the last message and entry have come',
    () => messages.got.length === most + 1 && errors.got.length === most * 5 + 1,
  );
  t.is(texts(messages.got).at(-1), 'last');
  t.deepEqual(new Set(names(errors.got)), new Set(['ECONNREFUSED']));
  here.close();
  await messages.over;
  await errors.over;
}

type Loops = (here: Socket) => {
  messages: ReturnType<typeof collect<Message>>;
  errors: ReturnType<typeof collect<QueuedError>>;
};

const orders: Readonly<Record<string, (mine: Driver, others: Driver) => Loops>> = {
  'messages first': (mine, others) => (here) => {
    const messages = collect(here.values({ driver: mine }));
    return { messages, errors: collect(here.errors({ driver: others })) };
  },
  'errors first': (mine, others) => (here) => {
    const errors = collect(here.errors({ driver: others }));
    return { messages: collect(here.values({ driver: mine })), errors };
  },
};

test('error-queue: an iterator over the queue that was pulled and dropped counts as ended once it is collected', async (t) => {
  const { code, stdout, stderr } = await runFixture('error-queue-dropped');
  t.deepEqual({ code, stdout, stderr }, { code: 0, stdout: 'held\nECONNREFUSED\n', stderr: '' });
});

straceTest(
  'error-queue: a receive that fails again and again by itself is thrown beside errors()',
  async (t) => {
    const { ended, lines } = await runInjected(
      t,
      { calls: 'recvmsg', inject: 'recvmsg:error=EACCES:when=2+' },
      'error-queue-failing',
    );
    t.deepEqual(reportOf(ended), { entry: 'ECONNREFUSED', code: 'EACCES' });
    t.is(lines.filter((line) => line.endsWith('(INJECTED)')).length, 1000);
  },
);

for (const mine of drivers) {
  for (const others of drivers) {
    for (const [order, loops] of Object.entries(orders)) {
      test(`error-queue: bursts of refused datagrams end neither loop, ${order}, ${mine} and ${others}`, async (t) => {
        for (const family of ['inet', 'inet6'] as const)
          await both(t, queueing(t, family), refusing(family), loops(mine, others));
      });
    }
  }
}

for (const driver of drivers) {
  test(`error-queue: an error that was pending before both loops began, ${driver}`, async (t) => {
    const here = queueing(t);
    sendRefused(here, refusing());
    const messages = collect(here.values({ driver }));
    const errors = collect(here.errors({ driver }));
    sendTo(here, 'behind it');
    await eventually('both came', () => messages.got.length + errors.got.length === 2);
    t.deepEqual(texts(messages.got), ['behind it']);
  });

  test(`error-queue: a connected socket, ${driver}`, async (t) => {
    const [here, peer] = [queueing(t), socket('inet', 'dgram')];
    peer.bind({ family: 'inet', address: '127.0.0.1', port: 0 });
    const address = peer.localAddress;
    here.connect(address);
    const messages = collect(here.values({ driver }));
    const errors = collect(here.errors({ driver }));
    peer.send('1', here.localAddress);
    await eventually('a message came', () => messages.got.length === 1);
    peer.close();
    for (let count = 1; count <= 3; count += 1) {
      sendRefused(here);
      await eventually('an entry came', () => errors.got.length === count);
    }
    const again = socket('inet', 'dgram');
    t.teardown(() => again.close());
    again.bind(address);
    again.send('2', here.localAddress);
    await eventually('another message came', () => messages.got.length === 2);
    t.deepEqual(texts(messages.got), ['1', '2']);
  });

  test(`error-queue: once the loop over the queue is left, the other one throws, ${driver}`, async (t) => {
    const here = queueing(t);
    const refused = refusing();
    const messages = collect(here.values({ driver }));
    // An iterator without a call of next() is no running iteration.
    const idle = here.errors({ driver });
    const errors = here.errors({ driver });
    const entry = errors.next();
    sendRefused(here, refused);
    t.is((await entry).value?.name, 'ECONNREFUSED');
    // The loop over the queue still runs between two entries.
    sendRefused(here, refused);
    await rounds();
    sendTo(here, 'between');
    await eventually('the message came', () => messages.got.length === 1);
    await errors.return?.();
    await errors.return?.();
    sendRefused(here, refused);
    await t.throwsAsync(messages.over, { code: 'ECONNREFUSED' });
    await idle.return?.();
    const next = here.values({ driver }).next();
    await turn();
    sendRefused(here, refused);
    await t.throwsAsync(next, { code: 'ECONNREFUSED' });
  });

  test(`error-queue: more errors than may fail in a row do not end the loop, though no entry is read, ${driver}`, async (t) => {
    const here = queueing(t);
    const refused = refusing();
    const errors = here.errors({ driver });
    const messages = collect(here.values({ driver }));
    const entry = errors.next();
    sendRefused(here, refused);
    t.is((await entry).value?.name, 'ECONNREFUSED');
    for (let count = 0; count < 1200; count += 1) {
      sendRefused(here, refused);
      await rounds(3);
    }
    sendTo(here, 'last');
    await eventually('the message came', () => messages.got.length === 1);
    await errors.return?.();
  });

  test(`error-queue: an error without an entry is thrown beside errors(), ${driver}`, async (t) => {
    // Without IP_RECVERR a connected socket has only the pending error and no entry.
    const here = socket('inet', 'dgram');
    t.teardown(() => here.close());
    here.connect(refusing());
    const errors = collect(here.errors({ driver }));
    const messages = collect(here.values({ driver }));
    await rounds();
    here.send('x');
    await t.throwsAsync(messages.over, { code: 'ECONNREFUSED' });
    t.is(errors.got.length, 0);
  });

  test(`error-queue: an error of the call itself is thrown beside errors(), ${driver}`, async (t) => {
    const stream = socket('inet', 'stream');
    t.teardown(() => stream.close());
    stream.setOption('IPPROTO_IP', 'IP_RECVERR', true);
    collect(stream.errors({ driver }));
    await t.throwsAsync(collect(stream.values({ driver })).over, { code: 'ENOTCONN' });
  });

  test(`error-queue: a reset of a stream is thrown beside errors(), ${driver}`, async (t) => {
    const server = await listen({ port: 0, host: '127.0.0.1' });
    t.teardown(() => server.destroy());
    const accepted = server[Symbol.asyncIterator]().next();
    const stream = socket('inet', 'stream');
    t.teardown(() => stream.close());
    stream.setOption('IPPROTO_IP', 'IP_RECVERR', true);
    stream.connect({ family: 'inet', address: '127.0.0.1', port: server.address.port });
    await stream.connected({ driver });
    const errors = collect(stream.errors({ driver }));
    const messages = collect(stream.values({ driver }));
    (await accepted).value?.reset();
    await t.throwsAsync(messages.over, { code: 'ECONNRESET' });
    await errors.over;
  });
}
