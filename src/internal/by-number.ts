/**
 * What belongs to descriptors' numbers, or to slots: small numbers, of which the lowest free one comes back first.
 *
 * It must never cost more for a number that comes and goes among many others: a Map keeps the places of what was
 * deleted in a chain per key until it is rebuilt, and walks through it. Used by epoll/watches.ts and fd/owned.ts.
 */
export class ByNumber<T> {
  readonly #all: (T | undefined)[] = [];
  #size = 0;

  /** How many numbers have something. */
  get size(): number {
    return this.#size;
  }

  get(number: number): T | undefined {
    return this.#all[number];
  }

  set(number: number, value: T): void {
    if (this.#all[number] === undefined) this.#size += 1;
    this.#all[number] = value;
  }

  delete(number: number): void {
    if (this.#all[number] === undefined) return;
    this.#all[number] = undefined;
    this.#size -= 1;
  }
}
