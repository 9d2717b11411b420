/** The public types of edgepoll. This file is compiled and never run. `@ts-expect-error` fails if no error follows. */
import type { BlockList } from 'node:net';

import { expectTypeOf } from 'expect-type';

import type {
  Address,
  CloseOptions,
  CloseReason,
  ConnectOptions,
  Driver,
  Drop,
  DropEvent,
  EdgepollError,
  ErrorCode,
  ListenOptions,
  Protocol,
  ReadinessEvent,
  ServerEvent,
  ServerStats,
} from 'edgepoll';
import { connect, Connection, listen, Poller, Registration, Server, watch } from 'edgepoll';

declare const server: Server;
declare const connection: Connection;
declare const error: EdgepollError;

// listen() and connect()
expectTypeOf<ReturnType<typeof listen>>().resolves.toEqualTypeOf<Server>();
expectTypeOf<ReturnType<typeof connect>>().resolves.toEqualTypeOf<Connection>();
expectTypeOf(await listen({ port: 0 })).toEqualTypeOf<Server>();
expectTypeOf(await connect({ port: 1 })).toEqualTypeOf<Connection>();
expectTypeOf<Driver>().toEqualTypeOf<'uv' | 'thread'>();
expectTypeOf<ListenOptions['port']>().toEqualTypeOf<number>();
expectTypeOf<ConnectOptions['signal']>().toEqualTypeOf<AbortSignal | undefined>();
void listen({ port: 0, framing: 'lines', signal: new AbortController().signal });
// @ts-expect-error a port has to be given
void listen({});
// @ts-expect-error a port is a number
void listen({ port: '7000' });
// @ts-expect-error there is no such option
void listen({ port: 0, backlogg: 5 });
// @ts-expect-error there is no such framing
void listen({ port: 0, framing: 'frames' });
void listen({ port: 0, framing: { type: 'lines', tooLong: 'skip', write: 'crlf' } });
void connect({ port: 1, framing: { type: 'length-prefix', size: 'varint', offset: 1 } });
// @ts-expect-error a delimiter has to be given
void listen({ port: 0, framing: { type: 'delimiter' } });
// @ts-expect-error lines have no size
void listen({ port: 0, framing: { type: 'lines', size: 4 } });
// @ts-expect-error there is no length of five bytes
void listen({ port: 0, framing: { type: 'length-prefix', size: 5 } });
// @ts-expect-error there is no such driver
void connect({ port: 1, driver: 'epoll' });
// @ts-expect-error only a server has a backlog
void connect({ port: 1, backlog: 5 });
// An option that is undefined counts as left out.
void connect({ port: 1, host: undefined, signal: undefined });

// Server
expectTypeOf(server).toExtend<AsyncIterable<Connection, undefined>>();
expectTypeOf(server).toExtend<AsyncDisposable>();
expectTypeOf(server.address).toEqualTypeOf<Address>();
expectTypeOf(server.connections).toExtend<Iterable<Connection>>();
expectTypeOf(server.connections.size).toEqualTypeOf<number>();
expectTypeOf(server.stats()).toEqualTypeOf<ServerStats>();
expectTypeOf(server.ref()).toEqualTypeOf<Server>();
expectTypeOf<Server['close']>().parameter(0).toEqualTypeOf<CloseOptions | undefined>();
// @ts-expect-error servers are made by listen()
new Server();
// @ts-expect-error a program cannot change the set of connections
server.connections.size = 0;

// ServerEvent: the fields depend on `type`.
export async function byEvents(): Promise<void> {
  for await (const event of server.events()) {
    expectTypeOf(event).toEqualTypeOf<ServerEvent>();
    expectTypeOf(event.connection).toEqualTypeOf<Connection>();
    // @ts-expect-error only a data event has data
    void event.data;
    if (event.type === 'data') expectTypeOf(event.data).toEqualTypeOf<Buffer<ArrayBuffer>>();
    if (event.type === 'close') expectTypeOf(event.reason).toEqualTypeOf<CloseReason>();
    // @ts-expect-error there is no such event
    if (event.type === 'connection') break;
    // @ts-expect-error an option asks for these events
    if (event.type === 'drop') break;
  }
  for await (const event of server.events({ backpressure: false }))
    expectTypeOf(event).toEqualTypeOf<ServerEvent>();
  for await (const event of server.events({ drops: true })) {
    expectTypeOf(event).toEqualTypeOf<ServerEvent | DropEvent>();
    if (event.type === 'drop') expectTypeOf(event).toExtend<Drop>();
    else expectTypeOf(event.connection).toEqualTypeOf<Connection>();
  }
  // @ts-expect-error batches have no events
  server.batches({ drops: true });
}

// Limits of addresses
export async function byAddress(list: BlockList): Promise<void> {
  const one = await listen({
    port: 0,
    maxConnectionsPerAddress: 1,
    acceptRatePerAddress: 1,
    exemptAddresses: list,
    blockList: ['10.0.0.0/8'],
    refuseBy: 'end',
    onDrop: (drop) => {
      expectTypeOf(drop).toEqualTypeOf<Drop>();
      expectTypeOf(drop.reason).toEqualTypeOf<'blocked' | 'address-limit' | 'accept-rate'>();
    },
  });
  one.setBlockList(list);
  one.setBlockList(['10.0.0.0/8']);
  // @ts-expect-error an address alone is no list
  one.setBlockList('10.0.0.0');
}

// Connection
export async function byConnection(): Promise<void> {
  for await (const one of server) {
    expectTypeOf(one).toEqualTypeOf<Connection>();
    for await (const chunk of one) expectTypeOf(chunk).toEqualTypeOf<Buffer<ArrayBuffer>>();
  }
}
expectTypeOf(connection.read()).resolves.toEqualTypeOf<Buffer<ArrayBuffer> | null>();
expectTypeOf<Connection['write']>().parameter(0).toEqualTypeOf<string | Uint8Array>();
expectTypeOf(connection.write('x')).resolves.toEqualTypeOf<void>();
expectTypeOf(connection.closed).resolves.toEqualTypeOf<CloseReason>();
expectTypeOf(connection.remoteAddress).toEqualTypeOf<Address | undefined>();
expectTypeOf<CloseReason['cause']>().toEqualTypeOf<'ended' | 'failed' | 'destroyed'>();
// @ts-expect-error a number is no chunk
void connection.write(1);
// @ts-expect-error an array of numbers is no chunk
void connection.end([1, 2]);
// @ts-expect-error connections are made by connect() and servers
new Connection();
// @ts-expect-error the counters are read-only
connection.bytesRead = 0;

// Errors
expectTypeOf(error).toExtend<Error>();
expectTypeOf(error.code).toEqualTypeOf<ErrorCode>();
expectTypeOf<'ECONNRESET' | 'ERR_CLOSED'>().toExtend<ErrorCode>();
// @ts-expect-error there is no such code
if (error.code === 'ECONNRESETS') throw error;
expectTypeOf(error.port).toEqualTypeOf<number | undefined>();

// Poller: every event has the data of its registration, with its type.
export async function byReadiness(): Promise<void> {
  const poller = new Poller<{ name: string }>({ maxEvents: 16 });
  const registration = poller.register(0, { trigger: 'edge', data: { name: 'stdin' } });
  expectTypeOf(registration).toEqualTypeOf<Registration<{ name: string }>>();
  registration.modify({ readable: true, data: { name: 'other' } });
  // @ts-expect-error this poller's registrations need data
  poller.register(0);
  // @ts-expect-error this poller's registrations need data
  poller.register(0, { trigger: 'edge' });
  // @ts-expect-error the data must not be undefined
  poller.register(0, { data: undefined });
  registration.modify({ writable: true });
  // @ts-expect-error `duplicate` can only be set by register()
  registration.modify({ duplicate: true });
  // @ts-expect-error data of another type
  poller.register(0, { data: 5 });
  // @ts-expect-error a descriptor is a number
  poller.register('0', { data: { name: 'stdin' } });
  // @ts-expect-error there is no such trigger
  poller.register(0, { trigger: 'once', data: { name: 'stdin' } });
  for await (const event of poller) {
    expectTypeOf(event).toEqualTypeOf<ReadinessEvent<{ name: string }>>();
    expectTypeOf(event.data.name).toEqualTypeOf<string>();
    expectTypeOf(event.readable).toEqualTypeOf<boolean>();
  }
}
const optional = new Poller<string | undefined>();
expectTypeOf(optional.register(0)).toEqualTypeOf<Registration<string | undefined>>();
void optional.register(0, { data: undefined, trigger: undefined });
expectTypeOf(watch(0)).toEqualTypeOf<
  AsyncIterableIterator<ReadinessEvent<undefined>, undefined, undefined>
>();
expectTypeOf(watch(0, { data: { name: 'stdin' }, maxEvents: 1 })).toEqualTypeOf<
  AsyncIterableIterator<ReadinessEvent<{ name: string }>, undefined, undefined>
>();
const plain = new Poller();
expectTypeOf(plain).toEqualTypeOf<Poller>();
expectTypeOf(plain.register(0)).toEqualTypeOf<Registration<undefined>>();
expectTypeOf(plain[Symbol.asyncDispose]()).resolves.toEqualTypeOf<void>();
// @ts-expect-error registrations are made by register()
new Registration();

// The user's data of a connection
interface Session {
  name: string;
}
const typed = await listen<Session>({ port: 0 });
expectTypeOf(typed).toEqualTypeOf<Server<Session>>();
for await (const each of typed) expectTypeOf(each.data).toEqualTypeOf<Session | undefined>();
for (const each of typed.connections) each.data = { name: 'Ada' };
for await (const event of typed.events())
  expectTypeOf(event.connection.data).toEqualTypeOf<Session | undefined>();
const dialled = await connect<Session>({ port: 1 });
expectTypeOf(dialled.data).toEqualTypeOf<Session | undefined>();
dialled.data = undefined;
// @ts-expect-error a number is no Session
dialled.data = 7;
expectTypeOf(connection.data).toEqualTypeOf<unknown>();
// A parameter of type Connection accepts a connection with a type for its data.
expectTypeOf<Connection<Session>>().toExtend<Connection>();
expectTypeOf<Server<Session>>().toExtend<Server>();
expectTypeOf<ServerEvent<Session>>().toExtend<ServerEvent>();

// A poller and a registration close synchronously: `using` can declare them, and a poller has isOpen.
expectTypeOf<Poller['isOpen']>().toEqualTypeOf<boolean>();
expectTypeOf<Poller>().toExtend<Disposable>();
expectTypeOf<Registration<undefined>>().toExtend<Disposable>();

// A protocol gives its types to what is made with it.
interface Command {
  name: string;
}
declare const protocol: Protocol<Command, number>;
const speaking = await listen({ port: 0, protocol });
expectTypeOf(speaking).toEqualTypeOf<Server<unknown, Command, number>>();
for await (const each of speaking) {
  for await (const command of each) expectTypeOf(command).toEqualTypeOf<Command>();
  expectTypeOf(each.read()).resolves.toEqualTypeOf<Command | null>();
  void each.write(5);
  void each.end(5);
  // @ts-expect-error the protocol writes numbers
  void each.write('text');
}
for await (const event of speaking.events())
  if (event.type === 'data') expectTypeOf(event.data).toEqualTypeOf<Command>();
expectTypeOf(await listen<Session, Command, number>({ port: 0, protocol })).toEqualTypeOf<
  Server<Session, Command, number>
>();
expectTypeOf(await connect({ port: 1, protocol })).toEqualTypeOf<
  Connection<unknown, Command, number>
>();
// @ts-expect-error these are no functions of a protocol
void listen({ port: 0, protocol: { name: 'none', native: {} } });
