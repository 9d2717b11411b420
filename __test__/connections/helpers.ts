/** Resets, full kernel buffers and the native methods, for several specs of this folder. */
import type { Connection } from 'edgepoll';

import { addon } from '../support/addon.js';
import { eventually } from '../support/eventually.js';
import type { Socket } from '../support/net.js';

/** Resets the connection, and resolves when the reset has arrived at the other side's kernel. */
export function reset(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('close', () => resolve());
    socket.resetAndDestroy();
  });
}

/** Resolves when the number has not changed in 25 looks in a row. */
export async function standsStill(what: string, value: () => number): Promise<void> {
  let before = -1;
  let times = 0;
  await eventually(`${what} stands still`, () => {
    times = value() === before ? times + 1 : 0;
    before = value();
    return times === 25;
  });
}

/** Calls `write` until the kernel takes no more bytes of the connection, whose peer does not read. */
export async function fillKernel(connection: Connection, write: () => unknown): Promise<void> {
  do {
    while (connection.bufferedAmount === 0) write();
    await standsStill('bufferedAmount', () => connection.bufferedAmount);
  } while (connection.bufferedAmount === 0);
}

export type NativeMethod = (...all: unknown[]) => unknown;

/** The methods of the native reactor. A test that replaces one of them must put it back. */
export function nativeMethods(): Record<string, NativeMethod> {
  const native = addon as { ReactorBinding: { prototype: Record<string, NativeMethod> } };
  return native.ReactorBinding.prototype;
}

/** The settings of a connection that native methods get when no option is given. */
export const defaultSettings = {
  highWaterMark: 65_536,
  lowWaterMark: 16_384,
  maxBuffered: 16_777_216,
  maxTotalBuffered: 0,
  mostPerTurn: 65_536,
  endTimeout: 30_000,
  firstByteTimeout: 0,
  idleTimeout: 3_600_000,
  messageTimeout: 60_000,
  receiveRate: 1024,
  sendTimeout: 60_000,
  sendRate: 1024,
  noDelay: true,
  buffers: { receive: 0, send: 0, unsent: 0 },
  framing: { type: 'bytes' },
  maxFrame: 65_536,
  lend: false,
} as const;
