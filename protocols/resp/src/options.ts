/** The options that servers and clients share. */

/** Limits on what a peer sends. The defaults are those of Redis. */
export interface Limits {
  /** The longest bulk string, in bytes. Default 512 MiB. */
  readonly maxBulk?: number | undefined;
  /** The longest command or reply as a whole, in bytes, without strings that come in parts. Default 1 GiB. */
  readonly maxTotal?: number | undefined;
  /** Bulk strings above this many bytes come in parts of as many bytes, so that they are never held as a whole. Default: none. */
  readonly stream?: number | undefined;
}
