/** Memory of the native side, and chunks as views of it. */
import { markAsUntransferable } from 'node:worker_threads';

import type { Chunk } from '../internal/chunk.js';
import { isNode } from '../internal/driver.js';
import { ARENA_SIZE, POOL_SIZE, SLAB_SIZE } from '../internal/layout.js';

/** Memory that chunks are views of. */
export interface Region {
  readonly memory: ArrayBuffer;
  /** The index of the first byte. */
  readonly start: number;
  /** All of `memory`, once {@link bytesOf} was called. */
  bytes: Chunk | undefined;
}

export const NO_REGION: Region = { memory: new ArrayBuffer(0), start: 0, bytes: undefined };

/** The lengths of the regions that the chunks of several connections share. */
const SHARED: ReadonlySet<number> = new Set([POOL_SIZE, SLAB_SIZE, ARENA_SIZE]);

/**
 * The region of a buffer that the native side made. In Node.js the memory of a shared region is marked as untransferable:
 * otherwise the owner of one chunk could transfer the memory away from the owners of the others.
 */
export function regionOf(bytes: Uint8Array): Region {
  const memory = bytes.buffer as ArrayBuffer;
  if (isNode && SHARED.has(bytes.length)) markAsUntransferable(memory);
  return { memory, start: bytes.byteOffset, bytes: undefined };
}

/** All of the region's memory as one `Buffer`, which is made once. Offsets in it count from the memory's first byte. */
export function bytesOf(region: Region): Chunk {
  return (region.bytes ??= Buffer.from(region.memory));
}

/**
 * The constructor that `buffer.subarray()` uses. It gives the same object at a third of the cost of `subarray()`. Making the
 * object is the most expensive part of a small chunk in JavaScript.
 */
export const FastBuffer = Reflect.get(Buffer, Symbol.species) as new (
  memory: ArrayBuffer,
  start: number,
  length: number,
) => Chunk;
