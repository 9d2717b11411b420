/**
 * Reads each batch of records and hands every record to the connection or server that it is for.
 *
 * It settles promises, whose continuations run after the batch. The only code of the program that it runs is `decode()` of a protocol:
 * see incoming.ts.
 */
import type { Chunk } from '../internal/chunk.js';
import { isNode } from '../internal/driver.js';
import * as layout from '../internal/layout.js';
import type { AddressNumbers } from './address.js';
import type { Arena } from './arena.js';
import type { AnyConnection } from './connection.js';
import { keepAddress } from './connection-late.js';
import { core } from './connection.js';
import type { Incoming, Place } from './incoming.js';
import type { Owner } from './owner.js';
import type { Region } from './region.js';
import * as region from './region.js';
import type { SharedMemory } from './shared-memory.js';

// V8 builds a module's own constants into its optimised code. An imported constant is loaded and checked at each use.
const {
  belongsTo,
  handleClosed,
  handleConnected,
  handleData,
  handleEnd,
  handleQueued,
  handleWritingEnded,
  lateOf,
} = core;
const {
  ACCEPT_PAUSED,
  ADDRESS,
  ARENA_INDEX,
  CLOSED,
  CONNECTED,
  DATA,
  DROPPED,
  END,
  FIRST_FRESH,
  IS_LOCAL,
  MESSAGES,
  OPENED,
  POOL_INDEX,
  QUEUED,
  RECORD_FIELDS,
  SLAB_INDEX,
  WRITE_FAILED,
  WRITING_ENDED,
} = layout;
const { bytesOf, FastBuffer, NO_REGION, regionOf } = region;

/** Gets what happens to a listener. */
export interface Acceptor {
  /** The listener has accepted a connection. Returns the object for it. */
  accepted(slot: number, generation: number): AnyConnection;
  /** Accepting pauses because of this error of accept(2). */
  acceptPaused(errno: number): void;
  /** The listener has dropped `count` connections for the reason with this number. `peer` is the address of the last one. */
  dropped(reason: number, count: number, peer: AddressNumbers): void;
}

export class Dispatcher {
  readonly #records: Int32Array;
  /** The same memory as `#records`. */
  readonly #numbers: Float64Array;
  readonly #arena: Arena;
  readonly #incoming: Incoming;
  /** Where the messages of a record lie. */
  readonly #place: Place;
  readonly #refuse: (slot: number, generation: number) => void;
  /** By slot. A slot never belongs to a listener and a connection, or to two connections, at the same time. */
  readonly #connections: (AnyConnection | undefined)[] = [];
  /** By the listener's slot. */
  readonly #acceptors = new Map<number, Acceptor>();
  // Lent chunks are views of the arena. Of the others, small ones are views of the pool and large ones of the slab; those between
  // have a buffer of their own.
  #poolRegion = NO_REGION;
  #slabRegion = NO_REGION;
  #arenaRegion = NO_REGION;

  /** `refuse` destroys a connection that was accepted for a listener that is closed. */
  constructor(
    { records, tables }: SharedMemory,
    arena: Arena,
    incoming: Incoming,
    refuse: (slot: number, generation: number) => void,
  ) {
    this.#records = records;
    this.#numbers = new Float64Array(records.buffer);
    this.#arena = arena;
    this.#incoming = incoming;
    const bytes = bytesOf(NO_REGION);
    this.#place = { bytes, base: 0, length: 0, table: tables, start: 0, count: 0 };
    this.#refuse = refuse;
  }

  addAcceptor(slot: number, acceptor: Acceptor): void {
    this.#acceptors.set(slot, acceptor);
  }

  removeAcceptor(slot: number): void {
    this.#acceptors.delete(slot);
  }

  addConnection(slot: number, connection: AnyConnection): void {
    this.#connections[slot] = connection;
  }

  /**
   * The open connections of one owner. This searches all connections of the reactor, because a list for each server would take
   * memory for each connection.
   */
  *connectionsOf(owner: Owner): Generator<AnyConnection, undefined> {
    for (const connection of this.#connections) {
      if (connection !== undefined && belongsTo(connection, owner)) yield connection;
    }
  }

  /**
   * Handles the first `count` records. `fresh` are the buffers that the native side made for this batch. The three indices say
   * which buffer is the pool, the slab and the arena from now on: below {@link FIRST_FRESH} it is still the one of the last
   * batch, else one of `fresh`. Data records name their buffer by the same index.
   */
  dispatch(
    count: number,
    fresh?: Uint8Array[],
    poolIndex: number = POOL_INDEX,
    slabIndex: number = SLAB_INDEX,
    arenaIndex: number = ARENA_INDEX,
  ): void {
    const records = this.#records;
    const numbers = this.#numbers;
    const connections = this.#connections;
    const arena = this.#arena;
    const regions = fresh?.map((bytes) => regionOf(bytes));
    const poolRegion = this.#poolRegion;
    const slabRegion = this.#slabRegion;
    const arenaRegion = this.#arenaRegion;
    if (regions !== undefined) {
      if (poolIndex >= FIRST_FRESH)
        this.#poolRegion = regions[poolIndex - FIRST_FRESH] ?? NO_REGION;
      if (slabIndex >= FIRST_FRESH)
        this.#slabRegion = regions[slabIndex - FIRST_FRESH] ?? NO_REGION;
      if (arenaIndex >= FIRST_FRESH) {
        this.#arenaRegion = regions[arenaIndex - FIRST_FRESH] ?? NO_REGION;
        // The native side sends from the new arena, where the chunks of the old one have no place.
        arena.renew();
      }
    }
    const { offsets, lengths } = arena;
    let lent: Chunk[] | undefined;
    let all: Region[] | undefined;
    for (let record = 0; record < count; record += 1) {
      const at = record * RECORD_FIELDS;
      const slot = records[at + 1] as number;
      const connection = connections[slot];
      switch (records[at] as number) {
        case DATA: {
          const index = records[at + 3] as number;
          const isLent = index === arenaIndex;
          if (connection === undefined) {
            if (isLent) arena.giveBack(1);
            break;
          }
          const offset = records[at + 4] as number;
          const length = records[at + 5] as number;
          const { memory, start } =
            index === POOL_INDEX
              ? poolRegion
              : index === SLAB_INDEX
                ? slabRegion
                : index === ARENA_INDEX
                  ? arenaRegion
                  : (regions?.[index - FIRST_FRESH] ?? NO_REGION);
          const chunk = new FastBuffer(memory, start + offset, length);
          if (isLent && isNode) {
            lent ??= arena.renew();
            offsets[lent.length] = offset;
            lengths[lent.length] = length;
            lent.push(chunk);
          }
          handleData(connection, chunk, isLent);
          break;
        }
        case MESSAGES: {
          const index = records[at + 3] as number;
          all ??= [poolRegion, slabRegion, arenaRegion, ...(regions ?? [])];
          this.#messages(connection, all[index] ?? NO_REGION, at, index === arenaIndex);
          break;
        }
        case OPENED: {
          const acceptor = this.#acceptors.get(records[at + 3] as number);
          const generation = records[at + 2] as number;
          if (acceptor === undefined) this.#refuse(slot, generation);
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
            keepAddress(lateOf(connection), (detail & IS_LOCAL) !== 0, addressAt(records, at));
          }
          break;
        case WRITE_FAILED:
          if (connection !== undefined) {
            handleWritingEnded(connection, records[at + 3] as number, false);
          }
          break;
        case WRITING_ENDED:
          if (connection !== undefined) {
            handleWritingEnded(connection, records[at + 3] as number, true);
          }
          break;
        case CONNECTED:
          if (connection !== undefined) handleConnected(connection);
          break;
        case ACCEPT_PAUSED:
          this.#acceptors.get(slot)?.acceptPaused(records[at + 3] as number);
          break;
        case DROPPED: {
          const reason = records[at + 3] as number;
          const dropped = numbers[at / 2 + 2] as number;
          const peer = addressAt(records, at - RECORD_FIELDS);
          this.#acceptors.get(slot)?.dropped(reason, dropped, peer);
          break;
        }
        default:
          break;
      }
    }
  }

  /** Handles the record at `at`, of messages whose bytes lie in `region`. */
  #messages(
    connection: AnyConnection | undefined,
    from: Region,
    at: number,
    isLent: boolean,
  ): void {
    if (connection === undefined) {
      if (isLent) this.#arena.giveBack(1);
      return;
    }
    const records = this.#records;
    const place = this.#place;
    place.bytes = bytesOf(from);
    place.base = from.start + (records[at + 4] as number);
    place.length = records[at + 5] as number;
    place.start = records[at + 6] as number;
    place.count = records[at + 7] as number;
    this.#incoming.messages(connection, place, isLent);
  }
}

/** The address in the record at `at`. */
function addressAt(records: Int32Array, at: number): AddressNumbers {
  return [
    records[at + 3] as number,
    records[at + 2] as number,
    records[at + 4] as number,
    records[at + 5] as number,
    records[at + 6] as number,
    records[at + 7] as number,
  ];
}
