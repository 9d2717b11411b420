// The errors of listen() and connect() for bad arguments and failed calls: their messages name what is missing and what to pass
// instead, and their stacks show the caller.
import test from 'ava';
import type { ConnectOptions } from 'edgepoll';
import { connect, listen } from 'edgepoll';

import { freePort, rejection, serverOf } from '../support/net.js';
import { resolveAs } from '../support/resolver.js';

const open = { connect, listen } as unknown as Record<
  'connect' | 'listen',
  (options?: unknown) => Promise<unknown>
>;

for (const call of ['connect', 'listen'] as const) {
  test(`${call}() without options, or with a port alone, names what is missing`, async (t) => {
    for (const [options, shown] of [
      [undefined, 'undefined'],
      [null, 'null'],
      [7000, '7000'],
      ['7000', "'7000'"],
    ]) {
      const error = await rejection(open[call](options));
      t.true(error instanceof TypeError);
      t.is(error.code, 'ERR_INVALID_ARG_TYPE');
      t.is(
        error.message,
        `options must be an object with a port, such as { port: 7000 }, not ${shown}`,
      );
    }
    t.regex(
      (await rejection(open[call]({}))).message,
      /^port must be an integer .* not undefined$/,
    );
  });

  test(`${call}() with a port in a string names the number to pass`, async (t) => {
    const error = await rejection(open[call]({ port: '07000' }));
    t.true(error instanceof TypeError);
    t.is(error.code, 'ERR_INVALID_ARG_TYPE');
    t.is(error.message, "port must be a number, not '07000'; pass 7000");
    for (const port of ['', 'http', '-1', '70000000000', '7000 ']) {
      const { message } = await rejection(open[call]({ port }));
      t.regex(message, /^port must be an integer /, port);
    }
  });

  for (const [host, hint] of [
    ['[::1]', "; pass '::1'"],
    ['[::1]:7000', "; pass { host: '::1', port: 7000 }"],
    ['[fe80::1%lo]', "; pass 'fe80::1%lo'"],
    ['localhost:7000', "; pass { host: 'localhost', port: 7000 }"],
    ['127.0.0.1:7000', "; pass { host: '127.0.0.1', port: 7000 }"],
    ['http://localhost:7000/chat', "; pass { host: 'localhost', port: 7000 }"],
    ['tcp://[::1]', "; pass '::1'"],
    ['localhost/', "; pass 'localhost'"],
    ['::1]', ''],
    ['1:2:3', ''],
    ['[]', ''],
    [':7000', ''],
  ] as const) {
    test(`${call}() with the host ${host} names what to pass`, async (t) => {
      const error = await rejection(open[call]({ host, port: 1 }));
      t.true(error instanceof RangeError);
      t.is(error.code, 'ERR_OUT_OF_RANGE');
      t.is(error.message, `host must be a name or an address alone, not '${host}'${hint}`);
    });
  }
}

test('a numeric address is a valid host, also IPv4 inside IPv6', async (t) => {
  for (const host of ['127.0.0.1', '::ffff:127.0.0.1']) {
    const port = freePort(t);
    t.is((await rejection(connect({ host, port }))).code, 'ECONNREFUSED', host);
  }
});

/** Awaits the promise of `begin`, so that the name of this function is on the stack. */
async function awaitingCaller(begin: () => Promise<unknown>): Promise<unknown> {
  return await begin();
}

const frames = ({ stack = '' }: Error): string[] =>
  stack.split('\n').filter((line) => line.startsWith('    at '));

test('a refused connect shows its caller, with or without an await', async (t) => {
  const port = freePort(t);
  const awaited = await rejection(awaitingCaller(() => connect({ host: '127.0.0.1', port })));
  const followed = await connect({ host: '127.0.0.1', port }).then(
    () => new Error('connected'),
    (error: Error) => error,
  );
  for (const error of [awaited, followed]) {
    const text = error.stack ?? '';
    t.true(text.startsWith(`EdgepollError: ${error.message}\n`), text);
    t.regex(frames(error)[0] ?? '', /connect-arguments\.spec/, text);
    t.notRegex(text, /dist\/connect/);
  }
  t.true(frames(awaited).some((frame) => frame.includes('awaitingCaller')));
});

test('a failed listen() shows its caller', async (t) => {
  const { port } = (await serverOf(t)).address;
  const error = await rejection(awaitingCaller(() => listen({ host: '127.0.0.1', port })));
  t.is(error.code, 'EADDRINUSE');
  t.regex(frames(error)[0] ?? '', /connect-arguments\.spec/);
});

test.serial('a name that does not resolve: the error shows its caller', async (t) => {
  const calls: ((options: ConnectOptions) => Promise<unknown>)[] = [connect, listen];
  for (const call of calls) {
    const error = await rejection(call({ host: 'no.such.name.invalid', port: 1 }));
    t.true(['ENOTFOUND', 'EAI_AGAIN'].includes(error.code ?? ''), error.code);
    t.regex(frames(error)[0] ?? '', /connect-arguments\.spec/);
  }
});

test.serial("a signal's reason is thrown unchanged", async (t) => {
  resolveAs(t, []);
  for (const host of ['127.0.0.1', 'localhost']) {
    const reason = new Error('enough');
    const { stack } = reason;
    const controller = new AbortController();
    const connecting = connect({ host, port: freePort(t), signal: controller.signal });
    controller.abort(reason);
    t.is(await rejection(connecting), reason);
    t.is(reason.stack, stack);
  }
});

test.serial(
  'a program with its own Error.prepareStackTrace gets the error all the same',
  async (t) => {
    const before = Object.getOwnPropertyDescriptor(Error, 'prepareStackTrace');
    t.teardown(() => {
      if (before === undefined) Reflect.deleteProperty(Error, 'prepareStackTrace');
      else Object.defineProperty(Error, 'prepareStackTrace', before);
    });
    Error.prepareStackTrace = (_error, sites) => sites.length;
    const error = await rejection(connect({ host: '127.0.0.1', port: freePort(t) }));
    t.is(error.code, 'ECONNREFUSED');
  },
);
