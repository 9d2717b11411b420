// How an argument error shows the value: by its class, as Node.js does, and without calling code of the value.
import test from 'ava';
import { Poller } from 'edgepoll';

class Mine {
  get [Symbol.toStringTag](): string {
    throw new Error('code of the value');
  }
}

// oxlint-disable-next-line no-extraneous-class -- its getter throws if an error message reads the class's name
class Named {
  static get name(): string {
    throw new Error('code of the value');
  }
}

const withoutName = Object.create({
  get constructor(): unknown {
    throw new Error('code of the value');
  },
}) as object;

test('a value is shown by its class', (t) => {
  for (const [value, shown] of [
    [{}, 'an object'],
    [Object.create(null), 'an object'],
    [withoutName, 'an object'],
    [[], 'an array'],
    [[1, 2], 'an array'],
    [new Map(), 'an instance of Map'],
    [new Date(0), 'an instance of Date'],
    [Promise.resolve(), 'an instance of Promise'],
    [Buffer.alloc(1), 'an instance of Buffer'],
    [new Mine(), 'an instance of Mine'],
    [new (class extends Mine {})(), 'an object'],
    [new Named(), 'an object'],
    [new Proxy({}, {}), 'a Proxy'],
    [Proxy.revocable({}, {}).proxy, 'a Proxy'],
    [Mine, 'a function'],
    [() => {}, 'a function'],
    [null, 'null'],
    [10n, '10'],
    [Symbol('mine'), 'Symbol(mine)'],
    ['text', "'text'"],
    ['x'.repeat(61), `'${'x'.repeat(60)}…'`],
  ] as const) {
    const error = t.throws(() => new Poller({ maxEvents: value as never }));
    t.true(error?.message.endsWith(`, not ${shown}`), error?.message);
  }
});
