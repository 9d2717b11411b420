/** Every use of an object of edgepoll/fd after close() or release() throws ERR_CLOSED, or rejects with it. */
import test from 'ava';
import type { Descriptor, ListeningSocket } from 'edgepoll/fd';
import {
  eventfd,
  inotify,
  OwnedFd,
  pidfd,
  pipe,
  signalfd,
  socket,
  socketpair,
  timerfd,
} from 'edgepoll/fd';

import { drivers } from '../support/process.js';

/** A function for each kind of object; each call makes a new one. */
const kinds: Readonly<Record<string, () => Descriptor>> = {
  pipe: () => {
    const { reader, writer } = pipe();
    writer.close();
    return reader;
  },
  eventfd,
  timerfd,
  signalfd: () => signalfd(['SIGUSR2']),
  inotify,
  pidfd: () => pidfd(process.pid),
  socket: () => socket('inet', 'dgram'),
  listening: () => socket('inet', 'stream').listen() as ListeningSocket & Descriptor,
  socketpair: () => {
    const [one, other] = socketpair();
    other.close();
    return one;
  },
};

const address = { family: 'inet', address: '127.0.0.1', port: 9 };
const bytes = new Uint8Array(8);
/** Arguments that are right for an open object, by the name of the method. The others take none. */
const args: Readonly<Record<string, readonly unknown[]>> = {
  add: ['/'],
  bind: [address],
  connect: [address],
  getOption: ['SOL_SOCKET', 'SO_TYPE'],
  getOptionBytes: ['SOL_SOCKET', 'SO_TYPE'],
  joinGroup: ['224.0.0.251'],
  leaveGroup: ['224.0.0.251'],
  read: [bytes],
  receive: [bytes],
  receiveFrom: [bytes],
  remove: [1],
  send: ['x'],
  sendMessage: [{ data: 'x' }],
  set: [{ after: 1 }],
  setBroadcast: [true],
  setOption: ['SOL_SOCKET', 'SO_BROADCAST', 1],
  setPassCredentials: [true],
  setReuseAddress: [true],
  setTtl: [1],
  writeAll: ['x'],
};
/** A counter's write takes a number. */
const writes: Readonly<Record<string, readonly unknown[]>> = { eventfd: [1] };
const allowed = new Set<string | symbol>([
  'constructor',
  'close',
  'isOpen',
  Symbol.dispose,
  // A property of the object, not of the descriptor.
  'pid',
]);

/** The names of the public properties that an object has from its classes, without those of every object. */
function* names(object: object): Generator<string | symbol> {
  const first: unknown = Object.getPrototypeOf(object);
  for (let at = first; at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const name of Reflect.ownKeys(at as object)) {
      const isOfInspect =
        typeof name === 'symbol' && name.description === 'nodejs.util.inspect.custom';
      if (!allowed.has(name) && !isOfInspect) yield name;
    }
  }
}

/** Uses one property, and gives what it throws or rejects with. */
async function used(object: object, name: string | symbol, given: readonly unknown[]) {
  try {
    const value: unknown = Reflect.get(object, name);
    const result: unknown =
      typeof value === 'function' ? Reflect.apply(value, object, [...given]) : value;
    return { returned: await (result as Promise<unknown>) };
  } catch (error) {
    return error;
  }
}

for (const [kind, make] of Object.entries(kinds)) {
  test(`closed: every use throws ERR_CLOSED, ${kind}`, async (t) => {
    for (const way of ['close', 'release'] as const) {
      const object = make();
      const seen = new Set(names(object));
      t.true(seen.has('readable') && seen.has('fd') && seen.has('duplicate'));
      const number = object[way]();
      if (typeof number === 'number') OwnedFd.adopt(number).close();
      for (const name of seen) {
        const key = String(name);
        const given = (key === 'write' ? (writes[kind] ?? ['x']) : args[key]) ?? [];
        t.like(await used(object, name, given), { code: 'ERR_CLOSED' }, `${way}, ${key}`);
      }
      object.close();
      t.false(object.isOpen);
    }
  });
}

for (const driver of drivers) {
  test(`closed: a loop over a closed object throws, and one that was running ends, ${driver}`, async (t) => {
    const counter = eventfd({ initial: 1 });
    const running = counter.values({ driver });
    t.deepEqual(await running.next(), { value: 1n, done: false });
    const waiting = running.next();
    const begun = counter.values({ driver });
    counter.close();
    // The iterators were made before the close.
    t.true((await waiting).done);
    t.true((await begun.next()).done);
    t.throws(() => counter.values({ driver }), { code: 'ERR_CLOSED' });
    let items = 0;
    const loop = async (): Promise<void> => {
      for await (const count of counter) items += Number(count);
    };
    await t.throwsAsync(loop(), { code: 'ERR_CLOSED' });
    t.is(items, 0);
  });
}
