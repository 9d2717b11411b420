// A misspelt option is a TypeError in every function that takes options. The message names it and the most similar option.
import test from 'ava';
import { connect, listen, Poller, watch } from 'edgepoll';
import { eventfd, inotify, pidfd, pipe, signalfd, socket, socketpair, timerfd } from 'edgepoll/fd';
import type { SocketAddress } from 'edgepoll/fd';

import { rejection } from '../support/net.js';

/** Calls a function with options that its type does not allow. */
type Call = (options: never) => unknown;

/** The error that `call` throws or rejects with. */
function refusal(call: Call, options: object): Promise<NodeJS.ErrnoException> {
  return rejection(Promise.resolve().then(() => call(options as never)));
}

const poller = new Poller();
const event = eventfd();
const { reader, writer } = pipe();
const timer = timerfd();
const changes = inotify();
const signals = signalfd(['SIGUSR2']);
const me = pidfd(process.pid);
const [one, other] = socketpair({ type: 'dgram' });
const watched = poller.register(event.fd);
const server = await listen({ port: 0, host: '127.0.0.1' });

test.after.always(async () => {
  poller.close();
  for (const owned of [event, reader, writer, timer, changes, signals, me, one, other])
    owned.close();
  await server.close();
});

/** An address with a field that its family does not have. Nothing is sent there. */
const misspelt: SocketAddress[] = [
  { family: 'inet', address: '127.0.0.1', port: 9, prot: 1 } as SocketAddress,
  { family: 'inet6', address: '::1', port: 9, scopeID: 1 } as SocketAddress,
];

/** Every function that takes options: a call, a misspelt option, and the one that is meant. */
const calls: readonly (readonly [name: string, call: Call, wrong: string, meant: string])[] = [
  ['listen', listen, 'allowHalfopen', 'allowHalfOpen'],
  ['connect', connect, 'timout', 'timeout'],
  [
    'framing',
    (framing) => listen({ port: 0, framing: { type: 'lines', ...(framing as object) } }),
    'keepend',
    'keepEnd',
  ],
  ['server.events', (options) => server.events(options), 'backPressure', 'backpressure'],
  ['server.close', (options) => server.close(options), 'timeOut', 'timeout'],
  ['new Poller', (options) => new Poller(options), 'maxevents', 'maxEvents'],
  ['poller.poll', (options) => poller.poll(options), 'timeuot', 'timeout'],
  ['poller.register', (options) => poller.register(reader, options), 'triger', 'trigger'],
  ['registration.modify', (options) => watched.modify(options), 'writeable', 'writable'],
  ['watch', (options) => watch(event, options), 'read_hangup', 'readHangup'],
  ['eventfd', eventfd, 'semaphor', 'semaphore'],
  ['eventfd values', (options) => event.values(options), 'singal', 'signal'],
  ['timerfd', timerfd, 'clocks', 'clock'],
  ['timer.set', (options) => timer.set(options), 'aftr', 'after'],
  ['timer.values', (options) => timer.values(options), 'drive', 'driver'],
  ['inotify values', (options) => changes.values(options), 'signals', 'signal'],
  ['signalfd values', (options) => signals.values(options), 'signals', 'signal'],
  ['pidfd.exited', (options) => me.exited(options), 'Signal', 'signal'],
  ['socket', (options) => socket('inet', 'dgram', options), 'protcol', 'protocol'],
  ['socketpair', socketpair, 'familiy', 'family'],
  ['socket.connected', (options) => one.connected(options), 'signall', 'signal'],
  ['receiveMessage', (options) => one.receiveMessage(options), 'lenght', 'length'],
  ['socket values', (options) => one.values(options), 'credential', 'credentials'],
  ['sendMessage', (message) => one.sendMessage(message), 'descriptor', 'descriptors'],
  ['readable', (options) => reader.readable(options), 'singal', 'signal'],
  ['writable', (options) => writer.writable(options), 'singal', 'signal'],
  ['writeAll', (options) => writer.writeAll('x', options), 'singal', 'signal'],
  ['connections', (options) => one.connections(options), 'singal', 'signal'],
  ['receiveError', (options) => one.receiveError(options), 'contrl', 'control'],
  ['errors', (options) => one.errors(options), 'lenght', 'length'],
  ['packetInfo', (packetInfo) => one.sendMessage({ packetInfo }), 'sourc', 'source'],
  ['control', (control) => one.sendMessage({ control: [control] }), 'levle', 'level'],
  ['credentials', (credentials) => one.sendMessage({ credentials }), 'PID', 'pid'],
];

test('every function refuses a misspelt option and names the one that is meant', async (t) => {
  for (const [name, call, wrong, meant] of calls) {
    for (const value of [true, undefined]) {
      const error = await refusal(call, { [wrong]: value });
      t.true(error instanceof TypeError, `${name}: ${error}`);
      t.is(error.code, 'ERR_UNKNOWN_OPTION', name);
      const start = `unknown option '${wrong}'`;
      t.true(error.message.startsWith(start), `${name}: ${error.message}`);
      t.true(error.message.endsWith(`; did you mean '${meant}'?`), `${name}: ${error.message}`);
    }
  }
});

test('an address with a field that its family does not have is refused', async (t) => {
  for (const address of misspelt) {
    for (const call of ['bind', 'connect'] as const) {
      const error = await refusal((to) => one[call](to), address);
      t.is(error.code, 'ERR_UNKNOWN_OPTION');
      t.regex(error.message, /^unknown option '(prot|scopeID)' in address; did you mean/);
    }
  }
});

test('for an option that resembles none the message lists all of them', async (t) => {
  const error = await refusal(listen, { port: 0, tls: {} });
  t.is(error.code, 'ERR_UNKNOWN_OPTION');
  t.regex(error.message, /^unknown option 'tls'; known are 'port', 'host', .*'driver'$/);
});

test('watch() takes the options of a registration and those of a poller', (t) => {
  const options = { readable: true, data: 1, maxEvents: 1, engine: 'poll' } as const;
  const events = watch(event, options);
  t.is(typeof events.next, 'function');
  void events.return?.();
});

test('inherited options and those of a class are read', async (t) => {
  class Options {
    port = 0;
    get host(): string {
      return '127.0.0.1';
    }
    describe(): string {
      return `${this.host}:${this.port}`;
    }
  }
  const first = await listen(new Options());
  t.is(first.address.address, '127.0.0.1');
  await first.close();
  const second = await listen(Object.create({ port: 0, host: '127.0.0.1' }) as { port: number });
  t.is(second.address.address, '127.0.0.1');
  await second.close();
  const error = await refusal(listen, Object.create({ port: 0, allowHalfopen: true }) as object);
  t.is(error.code, 'ERR_UNKNOWN_OPTION');
});

test('a property that a library adds to Object.prototype does not count as an option', (t) => {
  const everyObject = Object.prototype as { addedByALibrary?: boolean };
  everyObject.addedByALibrary = true;
  t.teardown(() => delete everyObject.addedByALibrary);
  t.notThrows(() => new Poller({ maxEvents: 1 }).close());
});

test('names that every object has are unknown as options', async (t) => {
  for (const name of ['constructor', 'toString', '__proto__']) {
    const options = JSON.parse(`{ "${name}": 1 }`) as object;
    const error = await refusal((wrong) => new Poller(wrong), options);
    t.is(error.code, 'ERR_UNKNOWN_OPTION', name);
  }
});

test('options that are a signal: the message says to pass it in an object', async (t) => {
  const { signal } = new AbortController();
  const alike = { aborted: false, addEventListener() {}, removeEventListener() {} };
  const takers: Call[] = [
    (options) => reader.readable(options),
    (options) => writer.writable(options),
    (options) => writer.writeAll('x', options),
    (options) => event.values(options),
    (options) => one.errors(options),
    (options) => me.exited(options),
    (options) => poller.poll(options),
    (options) => watch(event, options),
    connect,
    listen,
  ];
  for (const call of takers) {
    for (const given of [signal, alike]) {
      const error = await refusal(call, given);
      t.true(error instanceof TypeError);
      t.is(error.code, 'ERR_INVALID_ARG_TYPE');
      t.regex(
        error.message,
        /^options must be an object with options, not an (object|instance of AbortSignal); pass \{ signal \}$/,
      );
    }
  }
  // It takes no signal.
  const error = await refusal((options) => timerfd(options), signal);
  t.is(error.code, 'ERR_UNKNOWN_OPTION');
});

test('a word that is misspelt, or that the kernel or another library uses: the message names the one that is meant', async (t) => {
  const words: readonly (readonly [call: () => unknown, meant: string | undefined])[] = [
    [() => changes.add('/', ['created' as never]), 'create'],
    [() => changes.add('/', ['IN_CREATE' as never]), 'create'],
    [() => changes.add('/', ['IN_CLOSE_NOWRITE' as never]), 'closeNoWrite'],
    [() => changes.add('/', ['IN_ATTRIB' as never]), 'attributes'],
    [() => changes.add('/', ['in_onlydir' as never]), 'onlyDirectory'],
    [() => changes.add('/', ['IN_EXCL_UNLINK' as never]), 'excludeUnlinked'],
    [() => changes.add('/', ['closewrite' as never]), 'closeWrite'],
    [() => changes.add('/', ['in' as never]), undefined],
    [() => changes.add('/', ['something' as never]), undefined],
    [() => signalfd(['INT' as never]), 'SIGINT'],
    [() => signalfd(['TERM' as never]), 'SIGTERM'],
    [() => signalfd(['sigterm' as never]), 'SIGTERM'],
    [() => signalfd(['SIGTREM' as never]), 'SIGTERM'],
    [() => signalfd(['constructor' as never]), undefined],
    [() => me.kill('hup' as never), 'SIGHUP'],
    [() => socket('ipv4' as never, 'stream'), 'inet'],
    [() => socket('IPv6' as never, 'stream'), 'inet6'],
    [() => socket('AF_UNIX' as never, 'stream'), 'unix'],
    [() => socket('toString' as never, 'stream'), undefined],
    [() => socket('inet', 'SOCK_DGRAM' as never), 'dgram'],
    [() => socket('inet', 'tcp' as never), 'stream'],
    [() => socketpair({ type: 'udp' as never }), 'dgram'],
    [() => one.bind({ family: 'ipv4', address: '127.0.0.1', port: 0 } as never), 'inet'],
    [() => one.connect({ family: 'AF_UNSPEC' } as never), 'unspecified'],
    [() => new Poller({ engine: 'epol' as never }), 'epoll'],
    [() => poller.register(event, { trigger: 'oneshoot' as never }), 'oneshot'],
    [() => listen({ port: 0, framing: 'line' as never }), 'lines'],
    [() => listen({ port: 0, framing: { type: 'netstrings' } as never }), 'netstring'],
    [() => timerfd({ clock: 'real' as never }), undefined],
  ];
  for (const [call, meant] of words) {
    const error = await rejection(Promise.resolve().then(call));
    t.true(error instanceof RangeError, error.message);
    t.is(error.code, 'ERR_OUT_OF_RANGE');
    if (meant === undefined) t.false(error.message.includes('did you mean'), error.message);
    else t.true(error.message.endsWith(`; did you mean '${meant}'?`), error.message);
  }
});

test('a descriptor that is an object without a number: the message says which objects are taken', (t) => {
  const expected = 'fd must be a number, or an object with a number as its fd, not';
  for (const [value, shown] of [
    [{}, 'an object'],
    [new Map(), 'an instance of Map'],
  ] as const) {
    const error = { instanceOf: TypeError, message: `${expected} ${shown}` };
    t.throws(() => watch(value as never), error);
    t.throws(() => poller.register(value as never), error);
  }
  t.throws(() => watch({ fd: 1.5 }), {
    instanceOf: RangeError,
    message: /^fd must be an integer /,
  });
});
