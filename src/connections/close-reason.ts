/** Why and how a connection ended. */
export interface CloseReason {
  /** `ended`: both sides sent everything. `failed`: see `error`. `destroyed`: this side gave it up. */
  cause: 'ended' | 'failed' | 'destroyed';
  /** The error of a failed connection, or the one that `destroy()` got. */
  error: Error | undefined;
  /**
   * How many bytes the program wrote that the kernel never took. If there are any, the peer saw a reset; or the end of the protocol's
   * own, with the error `ERR_WRITE_AFTER_END`.
   */
  bytesUnsent: number;
}
