// The addon refuses a word that it does not know, instead of taking it for another one. The package checks the words first, so
// these tests call the addon itself.
import test from 'ava';

import { addon } from '../support/addon.js';

type Make<Args extends unknown[], T> = new (...args: Args) => T;
interface Poller {
  close(): void;
}
interface Reactor {
  listen(address: string, port: number, settings: object): unknown;
  connect(address: string, port: number, timeout: number, settings: object): unknown;
  close(): void;
}
interface Addon {
  PollerBinding: Make<[string, string, Int32Array, () => void], Poller>;
  ReactorBinding: Make<[string, object], Reactor>;
}

const { PollerBinding, ReactorBinding } = addon as Addon;

const open = (driver: string): Reactor =>
  new ReactorBinding(driver, {
    records: new Int32Array(8192),
    stage: new Uint8Array(65_536),
    writes: new Int32Array(4096),
    control: new Int32Array(16),
    tables: new Int32Array(131_072),
    dispatch() {},
  });

test('a driver that the addon does not know is an error', (t) => {
  const unknown = { message: 'no such driver: uvv' };
  t.throws(() => new PollerBinding('uvv', 'epoll', new Int32Array(4), () => {}), unknown);
  t.throws(() => open('uvv'), unknown);
});

test('an engine that the addon does not know is an error', (t) => {
  const unknown = { message: 'no such engine: epol' };
  t.throws(() => new PollerBinding('thread', 'epol', new Int32Array(4), () => {}), unknown);
});

test('a framing that the addon does not know is an error', (t) => {
  const reactor = open('thread');
  t.teardown(() => reactor.close());
  const connection = {
    highWaterMark: 1,
    lowWaterMark: 1,
    maxBuffered: 1,
    maxTotalBuffered: 1,
    buffers: { receive: 0, send: 0, unsent: 0 },
    mostPerTurn: 1,
    endTimeout: 1,
    firstByteTimeout: 1,
    idleTimeout: 1,
    messageTimeout: 1,
    receiveRate: 1,
    sendTimeout: 1,
    sendRate: 1,
    noDelay: true,
    framing: { type: 'line' },
    maxFrame: 1,
    lend: false,
  };
  const listener = {
    connection,
    backlog: 1,
    reusePort: false,
    ipv6Only: false,
    maxConnections: 1,
    credit: 1,
    admission: { perAddress: 1, rate: 1, exempt: [], block: [], reset: true },
  };
  const unknown = { message: 'no such framing: line' };
  t.throws(() => reactor.listen('127.0.0.1', 0, listener), unknown);
  t.throws(() => reactor.connect('127.0.0.1', 1, 1, connection), unknown);
});
