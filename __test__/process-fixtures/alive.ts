/**
 * What keeps a process alive: `alive CASE DRIVER FIFO`. A case that gives a function holds the process until that
 * is called; any other lets it end.
 */
import { closeSync, constants, openSync } from 'node:fs';

import type { Driver } from 'edgepoll';
import { connect, listen, Poller } from 'edgepoll';
import { eventfd } from 'edgepoll/fd';

import type { Release } from './lives.js';
import { tellWhetherItLives } from './lives.js';

const host = '127.0.0.1';
const [name = '', driverName, fifo = ''] = process.argv.slice(2);
const driver = driverName as Driver;

function pollerOn(register: boolean): Poller {
  const poller = new Poller({ driver });
  const fd = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
  if (register) poller.register(fd);
  void poller[Symbol.asyncIterator]().next();
  return poller;
}

/** A poller that has taken a fresh epoll descriptor, watching still; `before` is done to it before that. */
async function renewed(before: (poller: Poller) => void): Promise<Poller> {
  const poller = pollerOn(true);
  before(poller);
  const ghost = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
  // Ready at once, and it stays so: a duplicate keeps the file, and with it what the poller has of it.
  const registration = poller.register(ghost, { readable: false, writable: true });
  new Poller({ driver }).unref().register(ghost, { duplicate: true });
  closeSync(ghost);
  registration.unregister();
  for (let looks = 0; looks < 20 && poller.stats().renewals === 0; looks += 1)
    await poller.poll({ timeout: 0 });
  if (poller.stats().renewals !== 1) throw new Error('no fresh start');
  return poller;
}

/** Both ends of a connection; its server holds nothing. */
async function pair() {
  const server = (await listen({ host, port: 0, driver })).unref();
  const next = server[Symbol.asyncIterator]().next();
  const client = await connect({ host, port: server.address.port, driver });
  const { value: accepted } = await next;
  if (accepted === undefined) throw new Error('no connection');
  return { server, client, accepted };
}

const cases: Record<string, () => Promise<Release> | Release> = {
  'free: import alone': () => {},
  'held: a server without a consumer': async () => {
    const server = await listen({ host, port: 0, driver });
    return () => server.destroy();
  },
  'held: a server with a consumer': async () => {
    const server = await listen({ host, port: 0, driver });
    void server[Symbol.asyncIterator]().next();
    return () => server.unref();
  },
  'held: a server unref()ed and ref()ed': async () => {
    const server = (await listen({ host, port: 0, driver })).unref().unref().ref();
    return () => server.close();
  },
  'free: an open server, unref()ed once after two ref()s': async () => {
    const server = (await listen({ host, port: 0, driver })).ref().ref().unref();
    void server[Symbol.asyncIterator]().next();
  },
  'free: a closed server': async () => (await listen({ host, port: 0, driver })).close(),
  'free: an aborted server': async () => {
    const controller = new AbortController();
    await listen({ host, port: 0, driver, signal: controller.signal });
    controller.abort();
  },
  'free: listen() that failed': async () => {
    const server = (await listen({ host, port: 0, driver })).unref();
    await listen({ host, port: server.address.port, driver }).catch(() => {});
  },
  'held: a connection': async () => {
    const { client, accepted } = await pair();
    accepted.unref();
    return () => client.unref();
  },
  'held: a connection unref()ed and ref()ed': async () => {
    const { client, accepted } = await pair();
    accepted.unref();
    client.unref().unref().ref();
    return () => client.destroy();
  },
  'free: an open connection, both ends unref()ed': async () => {
    const { client, accepted } = await pair();
    accepted.unref();
    client.unref();
    void client.read();
  },
  'free: a server that waits in close() for what is unref()ed': async () => {
    const { server, client, accepted } = await pair();
    accepted.unref();
    client.unref();
    void server.close();
  },
  'free: a connection that has ended': async () => {
    const { client, accepted } = await pair();
    await client.end('x');
    while ((await accepted.read()) !== null);
    await client.read();
  },
  'held: a connection, whatever is said to those that are over': async () => {
    for (const isEarly of [true, false]) {
      const over = await pair();
      if (isEarly) over.client.unref();
      over.client.destroy();
      while ((await over.accepted.read()) !== null);
      await over.accepted.closed;
      over.client.unref();
      over.accepted.unref();
      over.server.destroy();
    }
    const server = await listen({ host, port: 0, driver });
    server.destroy();
    server.unref();
    const { client, accepted } = await pair();
    accepted.unref();
    return () => client.unref();
  },
  'free: what was unref()ed, is over, and is ref()ed': async () => {
    const { server, client, accepted } = await pair();
    client.unref();
    client.destroy();
    while ((await accepted.read()) !== null);
    await accepted.closed;
    server.destroy();
    client.ref();
    server.ref();
  },
  'held: a connect under way': async () => {
    const server = (await listen({ host, port: 0, backlog: 1, driver })).unref();
    const { port } = server.address;
    for (let count = 0; count < 2; count += 1) (await connect({ host, port, driver })).unref();
    const controller = new AbortController();
    // The backlog is full: this one waits in its handshake.
    connect({ host, port, driver, signal: controller.signal }).catch(() => {});
    return () => controller.abort();
  },
  'free: a poller that watches nothing, with a pull waiting': () => {
    pollerOn(false);
  },
  'held: a poller that watches': () => {
    const poller = pollerOn(true);
    return () => poller.unref();
  },
  'held: a poller unref()ed and ref()ed': () => {
    const poller = pollerOn(true).unref().unref().ref();
    return () => poller.close();
  },
  'held: a poller that watches what is ready, and nobody comes back': async () => {
    const poller = new Poller({ driver });
    const fd = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
    poller.register(fd, { readable: false, writable: true });
    await poller.poll();
    return () => poller.close();
  },
  'free: a watching poller, unref()ed': () => {
    pollerOn(true).unref();
  },
  'free: a poller, unref()ed before it watches': () => {
    const poller = pollerOn(false).unref();
    poller.register(openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK));
  },
  'free: a poller whose only registration is gone': () => {
    const poller = pollerOn(false);
    poller.register(openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK)).unregister();
  },
  'free: a poller whose only descriptor was closed by its object': () => {
    const counter = eventfd();
    const poller = pollerOn(false);
    poller.register(counter);
    counter.close();
  },
  'held: a poller that waits for a time, ref()ed in between': () => {
    const poller = new Poller({ driver }).unref();
    void poller.poll({ timeout: 60_000 });
    poller.ref();
    return () => poller.unref();
  },
  'free: a poller that waits for a time, unref()ed in between': () => {
    const poller = new Poller({ driver });
    void poller.poll({ timeout: 60_000 });
    poller.unref();
  },
  'held: a poller after a fresh start': async () => {
    const poller = await renewed(() => {});
    return () => poller.unref();
  },
  'free: a poller, unref()ed before a fresh start': async () => {
    await renewed((poller) => poller.unref());
  },
  'free: a closed poller': () => pollerOn(true).close(),
};

if (name === '--list') {
  process.stdout.write(JSON.stringify(Object.keys(cases)));
} else {
  process.on('beforeExit', () => process.stdout.write('ends\n'));
  const release = await cases[name]?.();
  process.stdout.write('begins\n');
  tellWhetherItLives(release);
}
