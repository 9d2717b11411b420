/**
 * Chooses who announces readiness. Asking the host for libuv's symbols proves nothing (Bun exports
 * `uv_poll_init` and aborts in it), so the runtime's name decides.
 */
import { oneOf, rangeError } from './validate.js';

/**
 * Who announces that something is ready: libuv's own loop (`uv`, Node.js only; a `RangeError` elsewhere), or a thread
 * that sleeps in poll(2) and wakes JavaScript (`thread`, everywhere).
 *
 * With `uv` and peers that answer at once, the loop looks for a connection's next bytes for a while, 1 ms at most, before it
 * sleeps, as long as that is measured to take less CPU time than sleeping. Such a process keeps a core busy, and its event
 * loop's utilisation says so. Whatever else the loop has to do ends the look.
 */
export type Driver = 'uv' | 'thread';

const { versions } = process;
const other = (['bun', 'deno'] as const).find((name) => versions[name] !== undefined);

/** Other runtimes have functions of Node.js's that do nothing, or throw. */
export const isNode: boolean = other === undefined;

/** The driver of this runtime, or the one that was asked for if the runtime has it. */
export function chooseDriver(wanted: Driver | undefined): Driver {
  if (wanted === undefined) return other === undefined ? 'uv' : 'thread';
  const driver = oneOf('driver', wanted, ['uv', 'thread']);
  if (driver === 'uv' && other !== undefined)
    throw rangeError('driver', `'thread' or left out in ${other}, which has no libuv`, driver);
  return driver;
}
