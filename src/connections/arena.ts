/**
 * The arena is the memory of the chunks that are lent (`chunks: 'borrowed'`). It is received into again once every lent chunk
 * has been given back.
 *
 * This file counts the chunks that are given back, and finds the place of a lent chunk in the arena, so that a write of it
 * needs no copy.
 */
import type { Chunk } from '../internal/chunk.js';
import * as layout from '../internal/layout.js';
import { MAX_RECORDS } from './shared-memory.js';

// V8 builds a module's own constants into its optimised code. An imported constant is loaded and checked at each use.
const { CONTROL_FORGOTTEN, CONTROL_LENT } = layout;

/** How many chunks are compared before a chunk counts as not lent, starting with the chunk that was found last. */
const LOOK_AHEAD = 8;

export class Arena {
  readonly #control: Int32Array;
  /** The lent chunks of the last batch that had any. */
  #chunks: Chunk[] = [];
  // dispatch.ts fills these two and the list itself. A method for that would take up room for inlining there, and V8 would
  // then sometimes not inline handleData().
  /** The place in the arena of each of these chunks. */
  readonly offsets: Int32Array = new Int32Array(MAX_RECORDS);
  readonly lengths: Int32Array = new Int32Array(MAX_RECORDS);
  /** The index of the chunk that was found last; −1 before the first. Most consumers write the chunks in their order. */
  #found = -1;

  constructor(control: Int32Array) {
    this.#control = control;
  }

  /** Starts a new list of lent chunks, and returns it. */
  renew(): Chunk[] {
    // A new array instead of a shortened one: it is young, so adding to it needs no bookkeeping by the garbage collector.
    this.#chunks = [];
    this.#found = -1;
    return this.#chunks;
  }

  /**
   * The place of a chunk in the arena. −1 if `data` is not a lent chunk of the last batch, or is further away than
   * {@link LOOK_AHEAD} from the chunk that was found last.
   */
  find(data: Uint8Array | string): number {
    const chunks = this.#chunks;
    let index = this.#found + 1;
    if (index >= chunks.length || chunks[index] !== data) {
      index = this.#search(data);
      if (index < 0) return -1;
    }
    this.#found = index;
    return this.offsets[index] as number;
  }

  /** The length that the chunk had when it was lent, of the chunk that was found last. */
  get foundLength(): number {
    return this.lengths[this.#found] as number;
  }

  #search(data: Uint8Array | string): number {
    const chunks = this.#chunks;
    const start = Math.max(this.#found, 0);
    const end = Math.min(start + LOOK_AHEAD, chunks.length);
    for (let index = start; index < end; index += 1) if (chunks[index] === data) return index;
    return -1;
  }

  /** The consumer no longer uses `count` of the lent chunks. */
  giveBack(count: number): void {
    (this.#control[CONTROL_LENT] as number) -= count;
  }

  /**
   * A connection was garbage-collected and had not given back `count` chunks. The program may still have the chunks, so their
   * memory is not used again: when all other chunks are back, the native side takes a new arena.
   */
  forget(count: number): void {
    (this.#control[CONTROL_FORGOTTEN] as number) += count;
  }
}

interface Forgotten {
  arena: Arena;
  lent: number;
}

/** Watches connections that are over and have lent chunks: see {@link Arena.forget}. */
export const forgotten: FinalizationRegistry<Forgotten> = new FinalizationRegistry(
  ({ arena, lent }) => {
    arena.forget(lent);
  },
);
