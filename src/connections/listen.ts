/**
 * Opens servers: checks the options, resolves the host, and binds. When `listen()` rejects, no listener stays open.
 */
import { callerOf, showCaller } from '../internal/caller.js';
import type { Chunk, Payload } from '../internal/chunk.js';
import { chooseDriver } from '../internal/driver.js';
import type { EdgepollError } from '../internal/errors.js';
import { systemError } from '../internal/errors.js';
import { admissionSettings } from './admission.js';
import { cutError } from './buffer-options.js';
import { listenConfig, mostConnections } from './listen-options.js';
import type { ListenConfig, ListenOptions } from './listen-options.js';
import type { Reactor } from './reactor.js';
import { reactorOf } from './reactor.js';
import { resolve } from './resolve.js';
import type { Server } from './server.js';
import { makeServer } from './server.js';
import { throwIfAborted } from '../internal/validate.js';

/** Errors of a machine that lacks an address family. Without a `host` option, the next family is tried then. */
const NO_FAMILY: ReadonlySet<string> = new Set([
  'EAFNOSUPPORT',
  'EADDRNOTAVAIL',
  'EPROTONOSUPPORT',
]);

/**
 * Listens on a TCP port. Nothing is accepted until the server is iterated. `Data` is the type of what the program keeps with each
 * connection, as {@link Connection.data}. `In` and `Out` are the types of the protocol's messages.
 *
 * Rejects with the kernel's error (`EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL` …), the resolver's error (`ENOTFOUND`), or the
 * signal's reason. The stacks of the first two show the caller. Rejects with a `TypeError` or `RangeError` for bad options,
 * before any system call.
 */
export function listen<Data = unknown, In = Chunk, Out = Payload>(
  options: ListenOptions<In, Out>,
): Promise<Server<Data, In, Out>>;
// `ReturnType<typeof listen>` is of the last signature. Without this one it would be `Promise<Server<unknown, unknown, unknown>>`.
/** As above, without a protocol. */
export function listen<Data = unknown>(options: ListenOptions): Promise<Server<Data>>;
export async function listen(
  options: ListenOptions<unknown, unknown>,
): Promise<Server<never, never, never>> {
  const caller = callerOf(listen);
  const config = listenConfig(options);
  const driver = chooseDriver(options.driver);
  throwIfAborted(config.signal);
  const addresses =
    config.host === undefined
      ? ['::', '0.0.0.0']
      : await resolve(config.host, config.signal, caller);
  throwIfAborted(config.signal);
  const reactor = reactorOf(driver);
  let failure: Error | undefined;
  for (const address of addresses) {
    const result = bind(reactor, address, config);
    if (!(result instanceof Error)) return result as Server<never, never, never>;
    // The last error is reported: those before it only mean that this machine lacks an address family.
    failure = result;
    if (config.host !== undefined || !NO_FAMILY.has(result.code)) break;
  }
  throw showCaller(failure ?? new Error('the resolver gave no address'), caller);
}

function bind(reactor: Reactor, address: string, config: ListenConfig): Server | EdgepollError {
  const maxConnections = config.maxConnections ?? mostConnections();
  const opened = reactor.native.listen(address, config.port, {
    connection: config.settings,
    backlog: config.backlog,
    reusePort: config.reusePort,
    ipv6Only: config.ipv6Only,
    maxConnections,
    // Nothing is accepted until the server has a consumer.
    credit: 0,
    admission: admissionSettings(config.admission, maxConnections),
  });
  const { errno, syscall } = opened;
  if (errno !== 0) return systemError(errno, { syscall, address, port: config.port });
  const { slot, generation } = opened;
  const cut = cutError(config.sizes, () => reactor.native.buffers(slot, generation));
  if (cut !== undefined) {
    reactor.native.closeListener(slot, generation);
    return cut;
  }
  return makeServer(reactor, slot, generation, config);
}
