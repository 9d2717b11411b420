/**
 * The `t` of a test where ava cannot run: ava's assertions, made from node:assert.
 *
 * An assertion that fails throws. The test stays failed even if it catches the error. A test without assertions fails.
 */
import { AssertionError, deepStrictEqual, match, strictEqual } from 'node:assert';
import { isDeepStrictEqual } from 'node:util';

/** By how much an emulated processor is slower. The runner sets it, and every time limit of tests is multiplied by it. */
const patience = Number(process.env['EDGEPOLL_PATIENCE'] ?? 1);

/** The properties that an error must have. Fields that are left out are not checked. */
export interface Expectation {
  any?: boolean;
  code?: string | number;
  instanceOf?: abstract new (...args: never[]) => unknown;
  is?: unknown;
  message?: string | RegExp | ((message: string) => boolean);
  name?: string;
}

type Plain = Record<PropertyKey, unknown>;

/** As in ava, like() compares the named fields of plain objects and arrays that are not empty, and any other value whole. */
function isSelector(value: unknown): value is Plain {
  if (typeof value !== 'object' || value === null) return false;
  const plain = Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;
  return plain && Object.keys(value).length > 0;
}

/** A copy of `actual` with only the fields that `selector` names. */
function selected(actual: unknown, selector: Plain): unknown {
  if (typeof actual !== 'object' || actual === null) return actual;
  const found: Plain = {};
  for (const [key, wanted] of Object.entries(selector)) {
    const value = (actual as Plain)[key];
    found[key] = isSelector(wanted) ? selected(value, wanted) : value;
  }
  return Array.isArray(selector) ? Object.assign([], found) : found;
}

function checkError(error: unknown, wanted: Expectation): void {
  if (wanted.any !== true && !(error instanceof Error))
    throw new AssertionError({ message: `not an error but ${String(error)}` });
  const { code, message, name } = error as NodeJS.ErrnoException;
  const { instanceOf } = wanted;
  if (instanceOf !== undefined && !(error instanceof instanceOf))
    throw new AssertionError({ message: `not a ${instanceOf.name} but ${String(error)}` });
  if ('is' in wanted) strictEqual(error, wanted.is);
  if ('code' in wanted) strictEqual(code, wanted.code, `code ${String(code)}: ${message}`);
  if ('name' in wanted) strictEqual(name, wanted.name);
  if (typeof wanted.message === 'string') strictEqual(message, wanted.message);
  else if (wanted.message instanceof RegExp) match(message, wanted.message);
  else if (wanted.message?.(message) === false)
    throw new AssertionError({ message: `not the message that was expected: ${message}` });
}

/** The assertions of one test: their number, and the first failure. */
export class Execution {
  readonly title: string;
  context: unknown = {};
  #made = 0;
  #failed: { error: unknown } | undefined;
  #planned: number | undefined;
  #limit: NodeJS.Timeout | undefined;
  #limitPassed: (error: Error) => void = () => {};
  readonly #teardowns: (() => unknown)[] = [];

  constructor(title: string) {
    this.title = title;
  }

  get passed(): boolean {
    return this.#failed === undefined;
  }

  #check(holds: () => void, message?: string): void {
    this.#made += 1;
    try {
      holds();
    } catch (error) {
      if (message !== undefined && error instanceof Error)
        error.message = `${message}\n${error.message}`;
      this.#failed ??= { error };
      throw error;
    }
  }

  pass(message?: string): void {
    this.#check(() => {}, message);
  }

  fail(message = 'the test says so'): void {
    this.#check(() => {
      throw new AssertionError({ message });
    });
  }

  is(actual: unknown, expected: unknown, message?: string): void {
    this.#check(() => strictEqual(actual, expected), message);
  }

  not(actual: unknown, expected: unknown, message?: string): void {
    this.#check(() => strictEqual(Object.is(actual, expected), false), message);
  }

  deepEqual(actual: unknown, expected: unknown, message?: string): void {
    this.#check(() => deepStrictEqual(actual, expected), message);
  }

  notDeepEqual(actual: unknown, expected: unknown, message?: string): void {
    this.#check(() => strictEqual(isDeepStrictEqual(actual, expected), false), message);
  }

  like(actual: unknown, selector: unknown, message?: string): void {
    this.#check(() => {
      if (!isSelector(selector)) throw new TypeError('like() takes an object with content');
      deepStrictEqual(selected(actual, selector), selector);
    }, message);
  }

  true(value: unknown, message?: string): void {
    this.is(value, true, message);
  }

  false(value: unknown, message?: string): void {
    this.is(value, false, message);
  }

  truthy(value: unknown, message?: string): void {
    this.is(Boolean(value), true, message);
  }

  falsy(value: unknown, message?: string): void {
    this.is(Boolean(value), false, message);
  }

  assert(value: unknown, message?: string): void {
    this.truthy(value, message);
  }

  regex(text: string, expression: RegExp, message?: string): void {
    this.#check(() => match(text, expression), message);
  }

  notRegex(text: string, expression: RegExp, message?: string): void {
    this.false(new RegExp(expression).test(text), message);
  }

  throws(call: () => unknown, wanted: Expectation = {}, message?: string): unknown {
    let thrown: { error: unknown } | undefined;
    try {
      call();
    } catch (error) {
      thrown = { error };
    }
    return this.#expectError(thrown, wanted, message);
  }

  async throwsAsync(
    promise: PromiseLike<unknown> | (() => PromiseLike<unknown>),
    wanted: Expectation = {},
    message?: string,
  ): Promise<unknown> {
    let thrown: { error: unknown } | undefined;
    try {
      await (typeof promise === 'function' ? promise() : promise);
    } catch (error) {
      thrown = { error };
    }
    return this.#expectError(thrown, wanted, message);
  }

  #expectError(
    thrown: { error: unknown } | undefined,
    wanted: Expectation | undefined,
    message?: string,
  ): unknown {
    this.#check(() => {
      if (thrown === undefined) throw new AssertionError({ message: 'nothing was thrown' });
      checkError(thrown.error, wanted ?? {});
    }, message);
    return thrown?.error;
  }

  notThrows(call: () => unknown, message?: string): void {
    this.#check(() => void call(), message);
  }

  async notThrowsAsync(
    promise: PromiseLike<unknown> | (() => PromiseLike<unknown>),
    message?: string,
  ): Promise<void> {
    let thrown: { error: unknown } | undefined;
    try {
      await (typeof promise === 'function' ? promise() : promise);
    } catch (error) {
      thrown = { error };
    }
    this.#check(() => {
      if (thrown !== undefined) throw thrown.error;
    }, message);
  }

  log(...values: unknown[]): void {
    console.log('   ', ...values);
  }

  plan(count: number): void {
    this.#planned = count;
  }

  /** Fails the test if it has not ended after this number of milliseconds. A later call starts the time again. */
  timeout(milliseconds: number, message = `no end within ${milliseconds} ms`): void {
    clearTimeout(this.#limit);
    const limit = milliseconds * patience;
    this.#limit = setTimeout(() => this.#limitPassed(new Error(message)), limit);
  }

  teardown(call: () => unknown): void {
    this.#teardowns.unshift(call);
  }

  /** Runs the test, then its teardowns. Resolves with the first failure, or with undefined. */
  async run(
    body: (t: Execution) => unknown,
    limitMilliseconds: number,
  ): Promise<{ error: unknown } | undefined> {
    const late = new Promise<never>((_, reject) => (this.#limitPassed = reject));
    // If the limit passes after the test, no code awaits this promise any more.
    late.catch(() => {});
    this.timeout(limitMilliseconds);
    try {
      await Promise.race([body(this), late]);
      this.#checkNumber();
    } catch (error) {
      this.#failed ??= { error };
    }
    for (const call of this.#teardowns) {
      try {
        await call();
      } catch (error) {
        this.#failed ??= { error };
      }
    }
    clearTimeout(this.#limit);
    return this.#failed;
  }

  #checkNumber(): void {
    if (this.#failed !== undefined) return;
    if (this.#planned !== undefined) strictEqual(this.#made, this.#planned, 'planned assertions');
    else if (this.#made === 0) throw new Error('the test made no assertion');
  }
}
