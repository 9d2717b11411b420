/** A socket's error queue: its entries with their fields, one at a time and by iteration. */
import { closeSync } from 'node:fs';

import test from 'ava';
import type { InetAddress, Socket } from 'edgepoll/fd';
import { constants, socket, socketpair } from 'edgepoll/fd';

import { rounds } from '../support/eventually.js';
import { drivers, exceptIn } from '../support/process.js';

const {
  SOF_TIMESTAMPING_OPT_ID: OPT_ID,
  SOF_TIMESTAMPING_SOFTWARE: SOFTWARE,
  SOF_TIMESTAMPING_TX_SOFTWARE: TX_SOFTWARE,
} = constants;

const exceptDeno = exceptIn(
  ['deno'],
  "Deno's closeSync() closes only descriptors that its node:fs opened",
);

/** A datagram socket: the kernel puts the time of each send on its error queue. */
function stamping(): Socket {
  const made = socket('inet', 'dgram');
  made.bind({ family: 'inet', address: '127.0.0.1', port: 0 });
  made.setOption('SOL_SOCKET', 'SO_TIMESTAMPING', TX_SOFTWARE | SOFTWARE | OPT_ID);
  return made;
}

/** The address of a port to which no socket is bound: the kernel refuses datagrams to it. */
function refusing(): InetAddress {
  const gone = socket('inet', 'dgram');
  gone.bind({ family: 'inet', address: '127.0.0.1', port: 0 });
  const address = gone.localAddress as InetAddress;
  gone.close();
  return address;
}

for (const driver of drivers) {
  test(`error-queue: entries and messages are iterated beside each other, ${driver}`, async (t) => {
    const here = stamping();
    const stop = new AbortController();
    const { signal } = stop;
    const [errors, messages] = [here.errors({ driver, signal }), here.values({ driver, signal })];
    for (let round = 0; round < 20; round += 1) {
      const [entry, message] = [errors.next(), messages.next()];
      here.send(`${round}`, here.localAddress);
      t.is((await message).value?.data.toString(), `${round}`);
      const { value } = await entry;
      t.like(value, { name: 'ENOMSG', errno: -42, origin: 'timestamping', info: 0, data: round });
      t.true((value?.timestamps?.software ?? 0n) > 1_600_000_000_000_000_000n);
      t.is(value?.timestamps?.hardware, undefined);
      // The entry has the packet as it was sent, with its headers.
      t.true(value?.packet.includes(`${round}`));
    }
    stop.abort();
    const reason = { is: signal.reason, any: true } as const;
    await t.throwsAsync(errors.next(), reason);
    await t.throwsAsync(messages.next(), reason);
    here.close();
  });

  test(`error-queue: an iteration that begins later gets the entries that are there, ${driver}`, async (t) => {
    const here = stamping();
    here.send('one', here.localAddress);
    t.is(here.receive(Buffer.alloc(9)), 3);
    const stop = new AbortController();
    const waiting = here.values({ driver, signal: stop.signal });
    const first = waiting.next();
    const second = here.errors({ driver });
    t.is((await second.next()).value?.name, 'ENOMSG');
    const third = here.errors({ driver });
    const entry = third.next();
    here.send('two', here.localAddress);
    t.is((await first).value?.data.toString(), 'two');
    t.is((await entry).value?.data, 1);
    await Promise.all([waiting.return?.(), second.return?.(), third.return?.()]);
    here.close();
  });

  test(`error-queue: an end that comes between two waits is not lost, ${driver}`, async (t) => {
    const [here, other] = [stamping(), stamping()];
    here.connect(here.localAddress);
    here.send('one');
    t.is(here.receive(Buffer.alloc(9)), 3);
    // Only the entry keeps the socket ready, so from now on the waits are edge-triggered.
    await here.readable({ driver });
    const messages = here.values({ driver });
    const next = messages.next();
    // After these turns the iteration waits.
    await rounds();
    here.send('two');
    t.is((await next).value?.data.toString(), 'two');
    // The wait for another socket takes the event, which the kernel does not report again.
    const fence = other.values({ driver });
    const fenced = fence.next();
    await rounds();
    here.shutdown('read');
    other.send('fence', other.localAddress);
    t.is((await fenced).value?.data.toString(), 'fence');
    t.deepEqual(await messages.next(), { value: undefined, done: true });
    here.close();
    other.close();
  });

  exceptDeno(
    `error-queue: if a second wait cannot be registered, the first one rejects too, ${driver}`,
    async (t) => {
      const here = stamping();
      const other = stamping();
      // Keeps the shared poller open: a new one could get the number that is closed below.
      const kept = other.readable({ driver });
      here.send('one', here.localAddress);
      t.is(here.receive(Buffer.alloc(9)), 3);
      // Only the entry keeps the socket ready, so from now on the waits are edge-triggered.
      await here.readable({ driver });
      t.is(here.receiveError()?.name, 'ENOMSG');
      const first = here.readable({ driver });
      // No await comes before the release, so no other code gets the number.
      closeSync(here.fd);
      const second = here.readable({ driver });
      here.release();
      for (const outcome of await Promise.allSettled([first, second]))
        t.like(outcome, { status: 'rejected', reason: { code: 'ERR_OUT_OF_RANGE' } });
      other.close();
      await t.throwsAsync(kept, { code: 'ERR_CLOSED' });
    },
  );

  test(`error-queue: a refused datagram is an error of the iteration and an entry of the queue, ${driver}`, async (t) => {
    const here = socket('inet', 'dgram');
    here.bind({ family: 'inet', address: '127.0.0.1', port: 0 });
    here.setOption('IPPROTO_IP', 'IP_RECVERR', true);
    const { port } = refusing();
    const messages = here.values({ driver });
    const next = messages.next();
    here.send('unread', { family: 'inet', address: '127.0.0.1', port });
    await t.throwsAsync(next, { code: 'ECONNREFUSED' });
    t.is(here.takeError(), null);
    const entry = here.receiveError();
    t.like(entry, { name: 'ECONNREFUSED', errno: -111, origin: 'icmp', type: 3, code: 3 });
    t.like(entry, { truncated: false, controlTruncated: false, timestamps: undefined });
    t.deepEqual(entry?.to, { family: 'inet', address: '127.0.0.1', port });
    t.like(entry?.offender, { family: 'inet', address: '127.0.0.1' });
    t.is(entry?.packet.toString(), 'unread');
    t.is(here.receiveError(), null);
    here.close();
  });
}

test('error-queue: takeError() gives an error once', (t) => {
  const here = socket('inet', 'dgram');
  here.connect(refusing());
  t.is(here.takeError(), null);
  here.send('unread');
  t.is(here.takeError()?.code, 'ECONNREFUSED');
  t.is(here.takeError(), null);
  here.close();
});

test('error-queue: room for only a part of the packet, and for no control message', (t) => {
  const here = socket('inet6', 'dgram');
  here.setOption('IPPROTO_IPV6', 'IPV6_RECVERR', true);
  const gone = socket('inet6', 'dgram');
  gone.bind({ family: 'inet6', address: '::1', port: 0 });
  const to = gone.localAddress;
  gone.close();
  here.send('unread', to);
  const short = here.receiveError({ length: 2 });
  t.like(short, { name: 'ECONNREFUSED', origin: 'icmp6', type: 1, code: 4, truncated: true });
  t.is(short?.packet.toString(), 'un');
  t.like(short?.offender, { family: 'inet6', address: '::1' });
  here.send('unread', to);
  const bare = here.receiveError({ control: 0 });
  // Even with `control: 0` the buffer has room for credentials. The error's fields fit there, the offender's address does not.
  t.like(bare, {
    controlTruncated: true,
    name: 'ECONNREFUSED',
    origin: 'icmp6',
    offender: undefined,
  });
  here.close();
});

test('error-queue: bad input, and families that would give a message instead', (t) => {
  const [here, there] = socketpair({ type: 'dgram' });
  here.send('a message');
  t.throws(() => there.receiveError(), { code: 'EOPNOTSUPP' });
  t.is(there.receive(Buffer.alloc(20)), 9);
  const inet = socket('inet', 'dgram');
  t.is(inet.receiveError(), null);
  t.throws(() => inet.receiveError({ length: 0 }), { instanceOf: RangeError });
  t.throws(() => inet.receiveError({ control: 65_537 }), { instanceOf: RangeError });
  // @ts-expect-error an unknown option
  t.throws(() => inet.receiveError({ lenght: 1 }), { code: 'ERR_UNKNOWN_OPTION' });
  inet.close();
  t.throws(() => inet.receiveError(), { code: 'ERR_CLOSED' });
  here.close();
  there.close();
});
