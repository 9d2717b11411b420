/**
 * The async iterators over connections, servers, pollers and descriptors.
 *
 * They add no promise and no closure to an item: the consumer gets the source's own promise.
 */

/** An iterator's last result. */
export const NO_MORE: IteratorReturnResult<undefined> = Object.freeze({
  value: undefined,
  done: true,
});

/** Settles a pending pull: with an item, the end, or a rejection. */
export type Waiter<T> = (result: IteratorResult<T, undefined> | Promise<never>) => void;

/**
 * Returns the function that makes iterators over one kind of source.
 *
 * `pull` returns a promise for the source's next item or its end. `leave` is called when the consumer leaves by `return()` or
 * `throw()`, at most once for an iterator. It settles the pulls that are still pending, and does nothing once the source
 * has ended. The source has to check that, because an iterator passes its promises on without looking at their results.
 *
 * The iterators behave like those of a generator. Every `return(value)` resolves to `value` and every `throw(error)` rejects with
 * `error`; after the first of them `next()` gives the end. Unlike a generator's, they do not wait for a pending `next()`, which
 * may take for ever, but settle it with the end.
 */
export function iteratorsOver<Source, Item>(
  pull: (source: Source) => Promise<IteratorResult<Item, undefined>>,
  leave: (source: Source) => void,
): (source: Source) => AsyncIterableIterator<Item, undefined, undefined> {
  // One class for each kind of source, so that V8 knows which `pull` its next() calls.
  class SourceIterator implements AsyncIterableIterator<Item, undefined, undefined> {
    /** `undefined` once the consumer has left. */
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

    // oxlint-disable-next-line require-await -- it is async so that `error` rejects the promise, as in a generator
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
