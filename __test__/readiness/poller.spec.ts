/** Readiness of pipes and sockets: which events come, how often, and when none comes. */
import { once } from 'node:events';
import { closeSync, constants, openSync } from 'node:fs';
import { connect as netConnect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

import test from 'ava';
import { Poller } from 'edgepoll';

import { Fenced, open, pipe, pipeEnds } from './helpers.js';
import { drivers, makeFifo } from '../support/process.js';
import { descriptorOf } from '../support/socket-number.js';

for (const driver of drivers) {
  test(`level-repeats: an event in each batch while bytes are left, ${driver}`, async (t) => {
    const fenced = new Fenced(t, driver);
    const watched = pipe(t);
    fenced.watch(watched.fd);
    t.deepEqual(await fenced.ready(), []);
    watched.write(2048);
    t.deepEqual((await fenced.next())?.data, 'watched');
    watched.read(1024);
    t.deepEqual((await fenced.next())?.data, 'watched');
    t.deepEqual((await fenced.next())?.data, 'watched');
    watched.read(1024);
    t.deepEqual(await fenced.ready(), []);
  });

  test(`edge-comes-once: 2 KiB written and 1 KiB read is no second event, ${driver}`, async (t) => {
    const fenced = new Fenced(t, driver);
    const watched = pipe(t);
    fenced.watch(watched.fd, { trigger: 'edge' });
    watched.write(2048);
    t.deepEqual(await fenced.ready(), ['watched']);
    watched.read(1024);
    t.deepEqual(await fenced.ready(), []);
    t.deepEqual(await fenced.ready(), []);
    watched.write(1);
    t.deepEqual(await fenced.ready(), ['watched'], 'more was written');
  });

  test(`edge-rearm: modify() makes the kernel check again, ${driver}`, async (t) => {
    const fenced = new Fenced(t, driver);
    const watched = pipe(t);
    const registration = fenced.watch(watched.fd, { trigger: 'edge' });
    watched.write(1);
    t.deepEqual(await fenced.ready(), ['watched']);
    t.deepEqual(await fenced.ready(), []);
    registration.modify({ trigger: 'edge', data: 'again' });
    t.deepEqual(await fenced.ready(), ['again']);
    registration.modify({ trigger: 'edge', writable: true });
    t.deepEqual(await fenced.ready(), ['again'], 'the data stays');
    registration.modify({ priority: true });
    t.deepEqual(await fenced.ready(), [], 'no longer of interest');
  });

  test(`events-combine: 1,000 edges without a consumer are one event, ${driver}`, async (t) => {
    const fenced = new Fenced(t, driver);
    const watched = pipe(t);
    fenced.watch(watched.fd, { trigger: 'edge' });
    for (let count = 0; count < 1000; count += 1) {
      watched.write(1);
      if (count % 2 === 0) watched.read(1);
    }
    t.deepEqual(await fenced.ready(), ['watched']);
    t.deepEqual(await fenced.ready(), []);
  });

  test(`one-pending-item: edges while others are taken add no second item, ${driver}`, async (t) => {
    const fenced = new Fenced(t, driver);
    const [first, second] = [pipe(t), pipe(t)];
    fenced.watch(first.fd, { trigger: 'edge', data: 'first' });
    fenced.watch(second.fd, { trigger: 'edge', data: 'second' });
    first.write(1);
    second.write(1);
    // The second event is in the same batch, and is pending in JavaScript from here on.
    t.is((await fenced.next())?.data, 'first');
    for (let count = 0; count < 1000; count += 1) {
      second.write(1);
      second.read(1);
    }
    t.is((await fenced.next())?.data, 'second');
    // The kernel combined the later edges into one more event.
    t.deepEqual(await fenced.ready(), ['second']);
    t.deepEqual(await fenced.ready(), []);
  });

  test(`unregister-drops-pending: in the kernel and in JavaScript, ${driver}`, async (t) => {
    const fenced = new Fenced(t, driver);
    const [first, second, third] = [pipe(t), pipe(t), pipe(t)];
    fenced.watch(first.fd, { data: 'first' });
    const inBatch = fenced.watch(second.fd, { data: 'second' });
    const inKernel = fenced.watch(third.fd, { trigger: 'edge', data: 'third' });
    third.write(1);
    inKernel.unregister();
    first.write(1);
    second.write(1);
    t.is((await fenced.next())?.data, 'first');
    first.read(1);
    inBatch.unregister();
    inBatch.unregister();
    t.deepEqual(await fenced.ready(), []);
    t.false(inBatch.active);
    t.is(fenced.poller.size, 2, 'the first and the fence');
    t.throws(() => inBatch.modify({}), { code: 'ERR_CLOSED' });
    fenced.watch(second.fd, { data: 'anew' });
    t.deepEqual(await fenced.ready(), ['anew'], 'it can be registered again');
  });

  test(`starvation: with one event per poll every ready descriptor gets its turn, ${driver}`, async (t) => {
    const fenced = new Fenced(t, driver, { maxEvents: 1 });
    const names = ['a', 'b', 'c', 'd', 'e'];
    for (const data of names) {
      const watched = pipe(t);
      fenced.watch(watched.fd, { data });
      watched.write(1);
    }
    const seen = new Set<string | undefined>();
    for (let pull = 0; pull < names.length; pull += 1) seen.add((await fenced.next())?.data);
    t.deepEqual(seen, new Set(names));
  });

  test(`several-pullers: concurrent next() calls settle in their order, ${driver}`, async (t) => {
    const fenced = new Fenced(t, driver);
    const settled: number[] = [];
    const pulls = [0, 1, 2].map(async (number) => {
      const event = await fenced.next();
      settled.push(number);
      return event?.data;
    });
    const names = ['first', 'second', 'third'];
    for (const data of names) {
      const watched = pipe(t);
      fenced.watch(watched.fd, { trigger: 'edge', data });
      watched.write(1);
    }
    t.deepEqual(await Promise.all(pulls), names);
    t.deepEqual(settled, [0, 1, 2]);
  });

  test(`several-pollers: each gives its own event for the same descriptor, ${driver}`, async (t) => {
    const watched = pipe(t);
    const pollers = [new Fenced(t, driver), new Fenced(t, driver), new Fenced(t, 'thread')];
    for (const fenced of pollers) fenced.watch(watched.fd, { trigger: 'edge' });
    watched.write(1);
    const found = await Promise.all(pollers.map((fenced) => fenced.ready()));
    t.deepEqual(found, [['watched'], ['watched'], ['watched']]);
    pollers[0]?.poller.close();
    watched.write(1);
    t.deepEqual(await pollers[1]?.ready(), ['watched']);
  });

  test(`hangup-without-data: the last writer of a pipe leaves, ${driver}`, async (t) => {
    const poller = new Poller({ driver });
    t.teardown(() => poller.close());
    const { reader, closeWriter } = pipeEnds(t);
    poller.register(reader, { trigger: 'edge' });
    closeWriter();
    const { value } = await poller[Symbol.asyncIterator]().next();
    t.like(value, {
      fd: reader,
      data: undefined,
      hangup: true,
      readable: false,
      writable: false,
      mask: 0x10,
    });
  });

  test(`error-without-interest: the last reader of a pipe leaves, ${driver}`, async (t) => {
    const poller = new Poller<number>({ driver });
    t.teardown(() => poller.close());
    const path = makeFifo(t);
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const writer = open(t, path, constants.O_WRONLY | constants.O_NONBLOCK);
    poller.register(writer, { priority: true, trigger: 'edge', data: 7 });
    closeSync(reader);
    const { value } = await poller[Symbol.asyncIterator]().next();
    t.like(value, { fd: writer, data: 7, error: true, writable: false, readable: false });
  });

  test(`socket-bits: data, the peer's end and both ends' hangup on a TCP socket, ${driver}`, async (t) => {
    const server = createServer({ pauseOnConnect: true, allowHalfOpen: true });
    t.teardown(() => server.close());
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const client = netConnect((server.address() as AddressInfo).port, '127.0.0.1');
    const [socket] = (await once(server, 'connection')) as [Socket];
    t.teardown(() => client.destroy());
    t.teardown(() => socket.destroy());
    const fd = descriptorOf(socket);

    const poller = new Poller<string | undefined>({ driver });
    t.teardown(() => poller.close());
    const iterator = poller[Symbol.asyncIterator]();
    const registration = poller.register(fd, { readHangup: true, readable: true, data: 'socket' });
    client.write('x');
    t.like((await iterator.next()).value, {
      fd,
      data: 'socket',
      readable: true,
      readHangup: false,
      hangup: false,
    });
    registration.modify({ readHangup: true });
    client.end();
    t.like((await iterator.next()).value, {
      readable: false,
      readHangup: true,
      hangup: false,
      mask: 0x2000,
    });
    registration.modify({ writable: true });
    t.like((await iterator.next()).value, { readable: false, writable: true, readHangup: false });
    registration.modify({ priority: true, trigger: 'edge' });
    const ended = once(socket.end(), 'finish');
    t.like((await iterator.next()).value, { writable: false, hangup: true });
    await ended;
  });
}
