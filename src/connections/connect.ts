/** Opens connections: checks, resolves, tries each address. It must never leave a socket behind when it rejects. */
import { callerOf, showCaller } from '../internal/caller.js';
import type { Connection } from './connection.js';
import { core } from './connection.js';
import { chooseDriver } from '../internal/driver.js';
import { systemError } from '../internal/errors.js';
import type { ConnectConfig, ConnectOptions } from './connect-options.js';
import { connectConfig } from './connect-options.js';
import { makeOwner } from './owner.js';
import type { Reactor } from './reactor.js';
import { reactorOf } from './reactor.js';
import { resolve } from './resolve.js';
import { throwIfAborted } from '../internal/validate.js';

const { makeConnection, opening } = core;

/**
 * Connects over TCP. `Data` is the type of the connection's {@link Connection.data}.
 *
 * Rejects with the kernel's code (`ECONNREFUSED`, `ETIMEDOUT`, `EHOSTUNREACH` …) and the address that was tried
 * last, the resolver's code (`ENOTFOUND`), or the signal's reason. The stacks of the first two show the caller. Throws `TypeError` or `RangeError` for bad
 * options, as a rejection, before any system call.
 */
export async function connect<Data = unknown>(options: ConnectOptions): Promise<Connection<Data>> {
  const caller = callerOf(connect);
  const config = connectConfig(options);
  const driver = chooseDriver(options.driver);
  throwIfAborted(config.signal);
  const addresses = await resolve(config.host, config.signal, caller);
  let failure = new Error('the resolver gave no address');
  for (const address of addresses) {
    throwIfAborted(config.signal);
    try {
      return (await attempt(reactorOf(driver), address, config)) as Connection<Data>;
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
): Promise<Connection> {
  const { port, timeout, settings, signal } = config;
  const opened = reactor.native.connect(address, port, timeout, settings);
  const { slot, generation, errno, syscall } = opened;
  if (errno !== 0) throw systemError(errno, { syscall, address, port });
  const connection = makeConnection(makeOwner(reactor, config, undefined), slot, generation);
  reactor.dispatcher.addConnection(slot, connection);
  const abort = (): void => connection.destroy();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    await opening(connection, { address, port });
    // Aborted between the connection's opening and now: it is destroyed already.
    throwIfAborted(signal);
  } finally {
    signal?.removeEventListener('abort', abort);
  }
  return connection;
}
