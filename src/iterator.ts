/**
 * The one async iterator of this package: over a connection, a server, a poller, a descriptor.
 * It must never add a promise or a closure to an item: the source's own promise goes to the consumer as it is.
 */

/** An iterator's last result. */
export const NO_MORE: IteratorReturnResult<undefined> = Object.freeze({
  value: undefined,
  done: true,
});

/**
 * Gives the function that makes iterators over one kind of source.
 *
 * `pull` gives the source's next item, its end, or a rejection. `leave` is called when the consumer leaves by `return()` or
 * `throw()`, at most once for an iterator. It settles the pulls that are still pending, and does nothing once the source
 * has ended: only the source knows that, because an iterator does not look into the promises that it passes on.
 *
 * The iterators do what a generator's do. `return(value)` resolves to `value`, `throw(error)` rejects with `error`, both as often
 * as they are called; after the first of them `next()` gives the end. Other than a generator, they do not wait for a pending
 * `next()`, which may take for ever: it gets the end.
 */
export function iteratorsOver<Source, Item>(
  pull: (source: Source) => Promise<IteratorResult<Item, undefined>>,
  leave: (source: Source) => void,
): (source: Source) => AsyncIterableIterator<Item, undefined, undefined> {
  // A class for each kind of source: V8 then knows which `pull` its next() calls.
  class SourceIterator implements AsyncIterableIterator<Item, undefined, undefined> {
    /** Nothing once the consumer has left. */
    #source: Source | undefined;

    constructor(source: Source) {
      this.#source = source;
    }

    next(): Promise<IteratorResult<Item, undefined>> {
      const source = this.#source;
      return source === undefined ? Promise.resolve(NO_MORE) : pull(source);
    }

    async return(value?: PromiseLike<undefined>): Promise<IteratorReturnResult<undefined>> {
      this.#leave();
      return { value: await value, done: true };
    }

    // oxlint-disable-next-line require-await -- async for its rejection
    async throw(error?: unknown): Promise<never> {
      this.#leave();
      throw error;
    }

    #leave(): void {
      const source = this.#source;
      this.#source = undefined;
      if (source !== undefined) leave(source);
    }

    [Symbol.asyncIterator](): this {
      return this;
    }
  }
  return (source) => new SourceIterator(source);
}
