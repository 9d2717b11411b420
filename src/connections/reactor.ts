/**
 * The JavaScript side of a reactor: one per thread and driver, made at first use. It reads each batch of
 * records, hands every one to the connection or server that it is about, and stages small writes.
 *
 * It must never run user code inside a batch: it only settles promises, whose continuations run after it.
 */
import { performance } from 'node:perf_hooks';
import { setImmediate } from 'node:timers';
import { markAsUntransferable } from 'node:worker_threads';

import { ReactorBinding } from '../internal/binding.js';
import type { Chunk } from '../internal/chunk.js';
import { openNative } from '../internal/errors.js';
import type { Connection } from './connection.js';
import { core } from './connection.js';
import type { Owner } from './connection-parts.js';
import type { Driver } from '../internal/driver.js';
import { isNode } from '../internal/driver.js';
import * as layout from '../internal/layout.js';
import { keepOwn, lengthOf } from '../internal/validate.js';

// V8 builds a module's own constants into its optimised code; another module's it loads, and checks, at each use.
const {
  belongsTo,
  handleAddress,
  handleClosed,
  handleConnected,
  handleData,
  handleEnd,
  handleQueued,
  handleWriteFailed,
} = core;
const {
  ACCEPT_PAUSED,
  ADDRESS,
  ARENA_SIZE,
  CLOSED,
  CONNECTED,
  CONTROL_CALLBACKS,
  CONTROL_COUNT,
  CONTROL_FIELDS,
  CONTROL_FORGOTTEN,
  CONTROL_IN_TURN,
  CONTROL_LENT,
  DATA,
  END,
  FIRST_FRESH,
  IS_LOCAL,
  LENT,
  MAX_RECORDS,
  MAX_WRITES,
  MORE,
  OPENED,
  QUEUED,
  POOL_SIZE,
  RECORD_FIELDS,
  SLAB_SIZE,
  STAGE_SIZE,
  WRITE_FAILED,
  WRITE_FIELDS,
} = layout;

/** No module has it. As it was at the import: whoever replaces the global one later must not stop ours. */
const { queueMicrotask } = globalThis;

/** What a reactor's listener does with what it accepts. */
export interface Acceptor {
  accepted(slot: number, generation: number): Connection;
  acceptPaused(errno: number): void;
}

const reactors = new Map<Driver, Reactor>();

/** The thread's reactor with this driver. */
export function reactorOf(driver: Driver): Reactor {
  let reactor = reactors.get(driver);
  if (reactor === undefined) {
    reactor = new Reactor(driver);
    reactors.set(driver, reactor);
  }
  return reactor;
}

/** Memory that chunks are views of. */
interface Region {
  memory: ArrayBuffer;
  start: number;
}

/**
 * The constructor behind `buffer.subarray()`: the same result at a third of its cost, which is the greatest
 * that a small chunk has on this side.
 */
const FastBuffer = Reflect.get(Buffer, Symbol.species) as new (
  memory: ArrayBuffer,
  start: number,
  length: number,
) => Chunk;

/**
 * Memory that comes from the native side. Connections share it, so one of their owners must not be able to
 * transfer it away from the others.
 */
function regionOf(bytes: Uint8Array): Region {
  const memory = bytes.buffer as ArrayBuffer;
  if (isNode && SHARED.has(bytes.length)) markAsUntransferable(memory);
  return { memory, start: bytes.byteOffset };
}

const SHARED: ReadonlySet<number> = new Set([POOL_SIZE, SLAB_SIZE, ARENA_SIZE]);

/** What one write costs beside its bytes, in bytes. */
const WRITE_COST = 4096;
/** The cost of the writes between two looks at the clock, in bytes. They take a fraction of a millisecond. */
const MOST_SPENT = 256 * 1024;
/** How many items consumers may take between two looks at the clock, if the items take little time. */
const MOST_ITEMS = 16;
/** Items take little time if those between two looks took less than this, in milliseconds. */
const SHORT = 0.5;
/** Milliseconds of consumers' work after which the event loop gets its turn. */
const LONGEST = 5;

/** Kept from the time of the import, as `queueMicrotask` is, in case the program replaces it. */
const now = performance.now.bind(performance);

/** How many chunks a consumer may leave out for the next to be found without a search of all. */
const LOOK_AHEAD = 8;

/** Hands a message to the core at once: see the glue's `writer()`. */
type Send = (slot: number, generation: number, message: Uint8Array) => number;

/**
 * Copies a message in shared memory, which another thread could change while the core reads it. It also copies one whose
 * ArrayBuffer is of another realm, because `instanceof` cannot tell that from shared memory.
 */
function unshared(message: Uint8Array, length: number): Uint8Array {
  if (message.buffer instanceof ArrayBuffer) return message;
  const copy = new Uint8Array(length);
  copy.set(message);
  return copy;
}

const NO_REGION: Region = { memory: new ArrayBuffer(0), start: 0 };

export class Reactor {
  readonly native: ReactorBinding;
  #write: Send;
  #finish: Send;
  /** While set, the next item and the next write wait for it. Resolves when the event loop has had its turn. */
  breath: Promise<void> | undefined = undefined;
  /** How many items consumers may still take before they have to call {@link Reactor.turn}. */
  items = 1;
  /** The value that `items` gets at a look at the clock. */
  #most = 1;
  /** The approximate cost of the writes since the last look at the clock, in bytes. */
  #spent = 0;
  /** The number of the driver's callback at the last look at the clock. */
  #callback = -1;
  /** The time of the first look within that callback. */
  #since = 0;
  /** The time of the last look. */
  #looked = 0;
  readonly #memory = new ArrayBuffer(MAX_RECORDS * RECORD_FIELDS * 4);
  readonly #records = new Int32Array(this.#memory);
  readonly #numbers = new Float64Array(this.#memory);
  readonly #stage = new Uint8Array(STAGE_SIZE);
  readonly #writes = new Int32Array(MAX_WRITES * WRITE_FIELDS);
  readonly #control = new Int32Array(CONTROL_FIELDS);
  /** By slot. A slot's listener and connections never overlap in time. */
  readonly #connections: (Connection | undefined)[] = [];
  readonly #acceptors = new Map<number, Acceptor>();
  #pool = NO_REGION;
  #slab = NO_REGION;
  #arena = NO_REGION;
  /** The chunks of the last batch that were lent, and where in the arena each lies: a write of one needs no copy. */
  #lent: Chunk[] = [];
  readonly #lentAt = new Int32Array(MAX_RECORDS);
  readonly #lentLength = new Int32Array(MAX_RECORDS);
  /** The one that was looked for and found last, −1 before the first: most consumers write them in their order. */
  #found = -1;
  #staged = 0;
  #settling = false;
  /** The process ends: what its listeners still write leaves at once. */
  #exits = false;
  #seen = 0;
  #references = 0;

  constructor(driver: Driver) {
    this.native = openNative(
      () =>
        new ReactorBinding(driver, {
          records: this.#records,
          stage: this.#stage,
          writes: this.#writes,
          control: this.#control,
          dispatch: (count, fresh, pool, slab, arena) =>
            this.#dispatch(count, fresh, pool, slab, arena),
        }),
    );
    this.#write = this.native.writer();
    this.#finish = this.native.finisher();
    keepOwn(this.native.descriptors);
    // process.exit() and what nobody caught leave no microtask to empty the stage.
    process.once('exit', () => {
      this.#exits = true;
      this.#control[CONTROL_IN_TURN] = 0;
      this.#settling = false;
      this.flush();
      // Queued bytes, and bytes that later `exit` listeners write, are not sent any more. So the peers have to see a reset.
      this.native.resetUnsent();
      this.#write = this.#beforeExit(this.#write);
      this.#finish = this.#beforeExit(this.#finish);
    });
  }

  #beforeExit(send: Send): Send {
    return (slot, generation, message) => {
      const result = send(slot, generation, message);
      this.native.resetUnsent();
      return result;
    };
  }

  /** Keeps the process alive until as many releases. */
  retain(): void {
    this.#references += 1;
    if (this.#references === 1) this.native.ref();
  }

  release(): void {
    this.#references -= 1;
    if (this.#references === 0) this.native.unref();
  }

  addAcceptor(slot: number, acceptor: Acceptor): void {
    this.#acceptors.set(slot, acceptor);
  }

  removeAcceptor(slot: number): void {
    this.#acceptors.delete(slot);
  }

  addConnection(slot: number, connection: Connection): void {
    this.#connections[slot] = connection;
  }

  /** The open connections of one owner. No server keeps a list of its own: it would cost more than this search. */
  *connectionsOf(owner: Owner): Generator<Connection, undefined> {
    for (const connection of this.#connections) {
      if (connection !== undefined && belongsTo(connection, owner)) yield connection;
    }
  }

  /** Where in the arena a chunk lies, if it is one of the last batch and about as far as its consumer has come; else −1. */
  lentAt(data: Uint8Array | string): number {
    const lent = this.#lent;
    let index = this.#found + 1;
    if (index >= lent.length || lent[index] !== data) {
      index = this.#search(data);
      if (index < 0) return -1;
    }
    this.#found = index;
    return this.#lentAt[index] as number;
  }

  /** How long the chunk is that was looked for and found last, as it was made. */
  get lentLength(): number {
    return this.#lentLength[this.#found] as number;
  }

  #search(data: Uint8Array | string): number {
    const lent = this.#lent;
    const start = Math.max(this.#found, 0);
    const end = Math.min(start + LOOK_AHEAD, lent.length);
    for (let index = start; index < end; index += 1) if (lent[index] === data) return index;
    return -1;
  }

  /** Whether a connection's write has been staged and not left. `previous`: see {@link Reactor.stage}. */
  hasStaged(slot: number, generation: number, previous: number): boolean {
    const writes = this.#writes;
    const before = previous * WRITE_FIELDS;
    // A number of an earlier batch is free by now, or another connection's.
    return (
      previous < (this.#control[CONTROL_COUNT] as number) &&
      writes[before] === slot &&
      writes[before + 1] === generation
    );
  }

  /**
   * Stages a small write of `length` bytes; it leaves with the batch, at the latest when the running microtasks are done.
   * `at`: where its bytes lie in the arena, or −1 for bytes that have to be copied.
   * Gives the write's number, which is the connection's `previous` at its next: two of one batch leave together.
   */
  stage(
    slot: number,
    generation: number,
    data: Uint8Array,
    length: number,
    at: number,
    previous: number,
  ): number {
    const control = this.#control;
    const writes = this.#writes;
    let count = control[CONTROL_COUNT] as number;
    if (count === 0) this.#staged = 0;
    if (count === MAX_WRITES || (at < 0 && this.#staged + length > STAGE_SIZE)) {
      this.flush();
      this.#spend(count, this.#staged);
      count = 0;
      this.#staged = 0;
    }
    if (this.hasStaged(slot, generation, previous)) {
      (writes[previous * WRITE_FIELDS + 3] as number) |= MORE;
    }
    const place = count * WRITE_FIELDS;
    writes[place] = slot;
    writes[place + 1] = generation;
    if (at < 0) {
      this.#stage.set(data, this.#staged);
      writes[place + 2] = this.#staged;
      writes[place + 3] = length;
      this.#staged += length;
    } else {
      writes[place + 2] = at;
      writes[place + 3] = length | LENT;
    }
    control[CONTROL_COUNT] = count + 1;
    if (control[CONTROL_IN_TURN] === 0 && !this.#settling) {
      if (this.#exits) {
        this.flush();
        this.native.resetUnsent();
      } else {
        this.#settling = true;
        queueMicrotask(this.#settle);
      }
    }
    return count;
  }

  /**
   * Outside a turn nobody empties the stage for us: this microtask does, after the first round of the
   * microtask queue in which nothing more was staged.
   */
  readonly #settle = (): void => {
    const count = this.#control[CONTROL_COUNT] as number;
    if (count !== this.#seen) {
      this.#seen = count;
      queueMicrotask(this.#settle);
      return;
    }
    this.#seen = 0;
    this.#settling = false;
    if (count > 0) this.flush();
  };

  /** Sends what is staged, and learns at once what came of it. */
  flush(): void {
    if (this.#control[CONTROL_COUNT] !== 0) this.settle();
  }

  /** As {@link Reactor.flush}, and learns what commands brought about before. */
  settle(): void {
    // A batch has an end, and there may be more to tell than fits.
    for (let count = this.native.flush(); count > 0; count = this.native.flush())
      this.#dispatch(count);
  }

  /** Sends from the caller's memory at once; gives the bytes queued, or a refusal: see the glue's `writer()`. */
  write(slot: number, generation: number, message: Uint8Array): number {
    const length = lengthOf(message);
    this.#spend(1, length);
    if (message.buffer instanceof ArrayBuffer) return this.#write(slot, generation, message);
    return this.#write(slot, generation, unshared(message, length));
  }

  /**
   * Sends a last message and the end behind it, together with what is staged: see the glue's `finisher()`. `previous`: see
   * {@link Reactor.stage}.
   */
  finish(slot: number, generation: number, message: Uint8Array, previous: number): number {
    if (this.hasStaged(slot, generation, previous)) {
      (this.#writes[previous * WRITE_FIELDS + 3] as number) |= MORE;
    }
    return this.#finish(slot, generation, unshared(message, lengthOf(message)));
  }

  #spend(writes: number, bytes: number): void {
    this.#spent += writes * WRITE_COST + bytes;
    if (this.#spent >= MOST_SPENT && this.breath === undefined) this.#look();
  }

  /**
   * Keeps consumers from blocking the event loop. As long as items are there and writes need not wait, a consumer goes on in
   * microtasks, which run before timers and other sockets. It calls this function when `items` is 0. The result is a promise that
   * the next item has to wait for if consumers have worked for {@link LONGEST} milliseconds, else `undefined`. A look at the clock
   * costs a tenth of an item, so there is one for several items.
   */
  turn(): Promise<void> | undefined {
    if (this.breath === undefined) this.#look();
    return this.breath;
  }

  #look(): void {
    const time = now();
    const callback = this.#control[CONTROL_CALLBACKS] as number;
    if (callback === this.#callback) {
      const isShort = time - this.#looked < SHORT;
      this.#most = isShort ? Math.min(this.#most * 2, MOST_ITEMS) : 1;
    } else {
      this.#callback = callback;
      this.#since = time;
    }
    this.#looked = time;
    this.#spent = 0;
    this.items = this.#most;
    if (time - this.#since >= LONGEST) this.#rest();
  }

  #rest(): void {
    this.items = 0;
    this.breath = new Promise((resolve) => {
      setImmediate(() => {
        this.breath = undefined;
        this.items = this.#most;
        this.#since = this.#looked = now();
        resolve();
      });
    });
  }

  /** So many chunks that were lent are not needed any more. Their memory is used again when all are back. */
  giveBack(count: number): void {
    (this.#control[CONTROL_LENT] as number) -= count;
  }

  /**
   * So many chunks were lent to a connection that nobody has any more. The chunks themselves somebody may have, so their
   * memory is never used again: once all others are back the glue takes a new arena.
   */
  forget(count: number): void {
    (this.#control[CONTROL_FORGOTTEN] as number) += count;
  }

  #dispatch(
    count: number,
    fresh?: Uint8Array[],
    poolIndex = 0,
    slabIndex = 1,
    arenaIndex = 2,
  ): void {
    const records = this.#records;
    const numbers = this.#numbers;
    const connections = this.#connections;
    const regions = fresh?.map((bytes) => regionOf(bytes));
    const pool = this.#pool;
    const slab = this.#slab;
    const arena = this.#arena;
    if (regions !== undefined) {
      if (poolIndex >= FIRST_FRESH) this.#pool = regions[poolIndex - FIRST_FRESH] ?? NO_REGION;
      if (slabIndex >= FIRST_FRESH) this.#slab = regions[slabIndex - FIRST_FRESH] ?? NO_REGION;
      if (arenaIndex >= FIRST_FRESH) {
        this.#arena = regions[arenaIndex - FIRST_FRESH] ?? NO_REGION;
        // The glue knows the places of the new one's chunks only.
        this.#lent = [];
        this.#found = -1;
      }
    }
    let lent: Chunk[] | undefined;
    for (let record = 0; record < count; record += 1) {
      const at = record * RECORD_FIELDS;
      const slot = records[at + 1] as number;
      const connection = connections[slot];
      switch (records[at] as number) {
        case DATA: {
          const index = records[at + 3] as number;
          const isLent = index === arenaIndex;
          if (connection === undefined) {
            if (isLent) this.giveBack(1);
            break;
          }
          const offset = records[at + 4] as number;
          const length = records[at + 5] as number;
          const { memory, start } =
            index === 0
              ? pool
              : index === 1
                ? slab
                : index === 2
                  ? arena
                  : (regions?.[index - FIRST_FRESH] ?? NO_REGION);
          const chunk = new FastBuffer(memory, start + offset, length);
          if (isLent && isNode) {
            if (lent === undefined) {
              // A new array is young, which spares the collector's bookkeeping for every chunk.
              this.#lent = lent = [];
              this.#found = -1;
            }
            this.#lentAt[lent.length] = offset;
            this.#lentLength[lent.length] = length;
            lent.push(chunk);
          }
          handleData(connection, chunk, isLent);
          break;
        }
        case OPENED: {
          const acceptor = this.#acceptors.get(records[at + 3] as number);
          const generation = records[at + 2] as number;
          if (acceptor === undefined) this.native.destroy(slot, generation, false);
          else connections[slot] = acceptor.accepted(slot, generation);
          break;
        }
        case END:
          if (connection !== undefined) handleEnd(connection);
          break;
        case QUEUED:
          if (connection !== undefined) handleQueued(connection, numbers[at / 2 + 2] as number);
          break;
        case CLOSED:
          if (connection !== undefined) {
            connections[slot] = undefined;
            const read = numbers[at / 2 + 2] as number;
            const written = numbers[at / 2 + 3] as number;
            handleClosed(connection, records[at + 3] as number, read, written);
          }
          break;
        case ADDRESS:
          if (connection !== undefined) {
            const detail = records[at + 3] as number;
            const zone = records[at + 2] as number;
            handleAddress(connection, (detail & IS_LOCAL) !== 0, [
              detail,
              zone,
              records[at + 4] as number,
              records[at + 5] as number,
              records[at + 6] as number,
              records[at + 7] as number,
            ]);
          }
          break;
        case WRITE_FAILED:
          if (connection !== undefined) {
            handleWriteFailed(connection, records[at + 3] as number);
          }
          break;
        case CONNECTED:
          if (connection !== undefined) handleConnected(connection);
          break;
        case ACCEPT_PAUSED:
          this.#acceptors.get(slot)?.acceptPaused(records[at + 3] as number);
          break;
        default:
          break;
      }
    }
  }
}
