/**
 * A map whose keys are descriptor numbers or slots: small integers, of which the lowest free one is used again first.
 *
 * It is an array, because a Map is slow when one key is added and deleted repeatedly among many others: until a Map is rebuilt, it
 * keeps the places of deleted entries in a chain for each key, and every lookup walks through the chain.
 */
export class ByNumber<T> {
  readonly #all: (T | undefined)[] = [];
  #size = 0;

  /** How many numbers have a value. */
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
