/**
 * Chooses who announces readiness. Asking the host for libuv's symbols proves nothing (Bun exports
 * `uv_poll_init` and aborts in it), so the runtime's name decides.
 */
import { oneOf } from './validate.js';

/**
 * Who announces that something is ready: libuv's own loop (`uv`, Node.js only), or a thread that sleeps
 * in poll(2) and wakes JavaScript (`thread`, everywhere).
 */
export type Driver = 'uv' | 'thread';

/** The driver of this runtime, or the one that was asked for. */
export function chooseDriver(wanted: Driver | undefined): Driver {
  if (wanted !== undefined) return oneOf('driver', wanted, ['uv', 'thread']);
  const { versions } = process;
  return versions['bun'] === undefined && versions['deno'] === undefined ? 'uv' : 'thread';
}
