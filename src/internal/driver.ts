/**
 * Chooses the driver by the name of the runtime. The presence of libuv's functions proves nothing: Bun exports `uv_poll_init`
 * and aborts in it.
 */
import { oneOf, rangeError } from './validate.js';

/**
 * What announces that a descriptor is ready. `uv`: libuv's own event loop; in Node.js only, a `RangeError` elsewhere. `thread`: a
 * thread that sleeps in poll(2) and wakes JavaScript; in every runtime.
 *
 * With `uv` and peers that answer at once, the loop polls for a connection's next bytes for at most 1 ms before it sleeps, as
 * long as that is measured to take less CPU time than sleeping. Such a process keeps a core busy, and the utilisation of its
 * event loop shows that. Any other work of the loop ends the polling.
 */
export type Driver = 'uv' | 'thread';

const { versions } = process;
const other = (['bun', 'deno'] as const).find((name) => versions[name] !== undefined);

/** Whether the runtime is Node.js. In other runtimes some functions of Node.js do nothing, or throw. */
export const isNode: boolean = other === undefined;

/** The wanted driver, or the default of this runtime. Throws a `RangeError` if the runtime does not have the wanted one. */
export function chooseDriver(wanted: Driver | undefined): Driver {
  if (wanted === undefined) return other === undefined ? 'uv' : 'thread';
  const driver = oneOf('driver', wanted, ['uv', 'thread']);
  if (driver === 'uv' && other !== undefined)
    throw rangeError('driver', `'thread' or left out in ${other}, which has no libuv`, driver);
  return driver;
}
