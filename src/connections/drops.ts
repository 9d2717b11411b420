/** What a server tells of the connections that it has refused. The core counts them. */
import type { ReactorBinding } from '../internal/binding.js';
import type { AddressNumbers } from './address.js';
import { addressFrom } from './address.js';

const { queueMicrotask } = globalThis;

/** Connections that a server closed as soon as they were accepted. */
export interface Drop {
  /** The remote address of the last of them. On an IPv6 address of this machine, an IPv4 client has an address such as `::ffff:192.0.2.1`. */
  address: string;
  /**
   * Why: `blockList` has the address; or it has `maxConnectionsPerAddress` connections; or it connects more often than
   * `acceptRatePerAddress`.
   */
  reason: 'blocked' | 'address-limit' | 'accept-rate';
  /** How many connections were closed for this reason since the last report of it. */
  count: number;
}

/** The counters of connections that a server has refused. */
export interface DropStats {
  /** Connections closed at once because `blockList` has their address. */
  blocked: number;
  /** Connections closed at once because their address had `maxConnectionsPerAddress` connections. */
  overAddressLimit: number;
  /** Connections closed at once because their address connected more often than `acceptRatePerAddress`. */
  overAcceptRate: number;
}

/** By the number of the reason in a record. */
const REASONS = ['blocked', 'address-limit', 'accept-rate'] as const;

/** The refused connections of one server. */
export class Drops {
  readonly #native: ReactorBinding;
  readonly #slot: number;
  readonly #generation: number;
  readonly #onDrop: ((drop: Drop) => void) | undefined;
  /** The counts, once the listener is closed. */
  #last: DropStats | undefined;

  constructor(
    native: ReactorBinding,
    slot: number,
    generation: number,
    onDrop: ((drop: Drop) => void) | undefined,
  ) {
    this.#native = native;
    this.#slot = slot;
    this.#generation = generation;
    this.#onDrop = onDrop;
  }

  /** Takes a record. The program's function runs after the batch, because no code of the program runs while a batch is read. */
  handle(reason: number, count: number, peer: AddressNumbers): Drop {
    const drop: Drop = {
      address: addressFrom(this.#native, peer)?.address ?? '',
      reason: REASONS[reason] as Drop['reason'],
      count,
    };
    const onDrop = this.#onDrop;
    if (onDrop !== undefined) queueMicrotask(() => onDrop({ ...drop }));
    return drop;
  }

  /** The exact counts: the reports may lag behind them. */
  stats(): DropStats {
    if (this.#last !== undefined) return { ...this.#last };
    const [blocked = 0, overAddressLimit = 0, overAcceptRate = 0] = this.#native.dropped(
      this.#slot,
      this.#generation,
    );
    return { blocked, overAddressLimit, overAcceptRate };
  }

  /** The listener is about to close: keeps its counts. */
  keep(): void {
    this.#last ??= this.stats();
  }
}
