/**
 * Opens connections: checks the options, resolves the host, and tries each address. When `connect()` rejects, no socket stays
 * open.
 */
import { callerOf, showCaller } from '../internal/caller.js';
import type { Chunk, Payload } from '../internal/chunk.js';
import type { AnyConnection, Connection } from './connection.js';
import { whenOpened } from './connection-late.js';
import { core } from './connection.js';
import { cutError } from './buffer-options.js';
import { chooseDriver } from '../internal/driver.js';
import { systemError } from '../internal/errors.js';
import type { ConnectConfig, ConnectOptions } from './connect-options.js';
import { connectConfig } from './connect-options.js';
import { makeOwner } from './owner.js';
import type { Reactor } from './reactor.js';
import { reactorOf } from './reactor.js';
import { resolve } from './resolve.js';
import { throwIfAborted } from '../internal/validate.js';

const { lateOf, makeConnection } = core;

/**
 * Connects over TCP. `Data` is the type of the connection's {@link Connection.data}. `In` and `Out` are the types of the protocol's
 * messages.
 *
 * The connection keeps the process alive until it is over, and its peer's end alone does not end it: read it to its end, or call
 * `end()`, `destroy()` or `unref()`.
 *
 * Rejects with the kernel's error for the address that was tried last (`ECONNREFUSED`, `ETIMEDOUT`, `EHOSTUNREACH` …), the
 * resolver's error (`ENOTFOUND`), or the signal's reason. The stacks of the first two show the caller. Rejects with a
 * `TypeError` or `RangeError` for bad options, before any system call.
 */
export function connect<Data = unknown, In = Chunk, Out = Payload>(
  options: ConnectOptions<In, Out>,
): Promise<Connection<Data, In, Out>>;
// `ReturnType<typeof connect>` is of the last signature: see listen().
/** As above, without a protocol. */
export function connect<Data = unknown>(options: ConnectOptions): Promise<Connection<Data>>;
export async function connect(
  options: ConnectOptions<unknown, unknown>,
): Promise<Connection<never, never, never>> {
  const caller = callerOf(connect);
  const config = connectConfig(options);
  const driver = chooseDriver(options.driver);
  throwIfAborted(config.signal);
  const addresses = await resolve(config.host, config.signal, caller);
  const reactor = reactorOf(driver);
  let failure = new Error('the resolver gave no address');
  for (const address of addresses) {
    throwIfAborted(config.signal);
    try {
      return (await attempt(reactor, address, config)) as Connection<never, never, never>;
    } catch (error) {
      failure = error as Error;
    }
  }
  throwIfAborted(config.signal);
  throw showCaller(failure, caller);
}

async function attempt(
  reactor: Reactor,
  address: string,
  config: ConnectConfig,
): Promise<AnyConnection> {
  const { port, timeout, settings, signal } = config;
  const opened = reactor.native.connect(address, port, timeout, settings);
  const { slot, generation, errno, syscall } = opened;
  if (errno !== 0) throw systemError(errno, { syscall, address, port });
  const cut = cutError(config.sizes, () => reactor.native.buffers(slot, generation));
  if (cut !== undefined) {
    reactor.native.destroy(slot, generation, true);
    throw cut;
  }
  const connection = makeConnection(makeOwner(reactor, config, undefined), slot, generation);
  reactor.dispatcher.addConnection(slot, connection);
  const abort = (): void => connection.destroy();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    await whenOpened(lateOf(connection), { address, port });
    // The signal may have aborted after the connection was opened. Then the connection is destroyed already.
    throwIfAborted(signal);
  } finally {
    signal?.removeEventListener('abort', abort);
  }
  return connection;
}
