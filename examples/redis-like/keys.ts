/** The keys of the server: a Map of strings, and the times at which some of them expire. */

export class Keys {
  readonly #values = new Map<string, string>();
  /** When a key expires, in milliseconds since 1970. Most keys never do, and are not in here. */
  readonly #ends = new Map<string, number>();

  get size(): number {
    this.removeExpired();
    return this.#values.size;
  }

  get(key: string): string | undefined {
    if (this.#ends.size > 0) this.#removeIfExpired(key);
    return this.#values.get(key);
  }

  has(key: string): boolean {
    return this.get(key) !== undefined;
  }

  /** Sets a key that then does not expire. */
  set(key: string, value: string): void {
    this.#values.set(key, value);
    if (this.#ends.size > 0) this.#ends.delete(key);
  }

  /** Changes the value of a key, and not when it expires. */
  change(key: string, value: string): void {
    this.#values.set(key, value);
  }

  delete(key: string): boolean {
    const existed = this.has(key);
    this.#values.delete(key);
    this.#ends.delete(key);
    return existed;
  }

  clear(): void {
    this.#values.clear();
    this.#ends.clear();
  }

  /** When the key expires; `undefined` if never. */
  endOf(key: string): number | undefined {
    return this.#ends.get(key);
  }

  /** Lets the key expire then; at once if that time has passed. */
  expireAt(key: string, end: number): void {
    this.#ends.set(key, end);
    this.#removeIfExpired(key);
  }

  /** The key does not expire any more. Returns whether it would have. */
  persist(key: string): boolean {
    return this.has(key) && this.#ends.delete(key);
  }

  /** Removes what has expired and was not asked for since. */
  removeExpired(): void {
    for (const key of this.#ends.keys()) this.#removeIfExpired(key);
  }

  names(): Iterable<string> {
    this.removeExpired();
    return this.#values.keys();
  }

  #removeIfExpired(key: string): void {
    const end = this.#ends.get(key);
    if (end === undefined || end > Date.now()) return;
    this.#values.delete(key);
    this.#ends.delete(key);
  }
}
