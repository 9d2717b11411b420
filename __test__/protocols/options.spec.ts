// Wrong options of a plug-in, and what is no protocol: each is an error with a code, before there is any connection.
import test from 'ava';
import type { ListenOptions } from 'edgepoll';
import { listen } from 'edgepoll';

import { rejection } from '../support/net.js';
import type { Said, Written } from './probe.js';
import { plugin, probe } from './probe.js';

const wrongOptions: [options: unknown, type: typeof TypeError, code: string, message: string][] = [
  [5, TypeError, 'ERR_INVALID_ARG_TYPE', 'options must be an object, not 5'],
  [null, TypeError, 'ERR_INVALID_ARG_TYPE', 'options must be an object, not null'],
  [[], TypeError, 'ERR_INVALID_ARG_TYPE', 'options must be an object, not an array'],
  [{ other: 1 }, TypeError, 'ERR_UNKNOWN_OPTION', "unknown option 'other'; known are 'abi'"],
  [{ abi: '1' }, TypeError, 'ERR_INVALID_ARG_TYPE', "abi must be an integer from 0 to 9, not '1'"],
  [
    { abi: {} },
    TypeError,
    'ERR_INVALID_ARG_TYPE',
    'abi must be an integer from 0 to 9, not an object',
  ],
  [
    { abi: Symbol('x') },
    TypeError,
    'ERR_INVALID_ARG_TYPE',
    'abi must be an integer from 0 to 9, not a symbol',
  ],
  [
    { abi: () => {} },
    TypeError,
    'ERR_INVALID_ARG_TYPE',
    'abi must be an integer from 0 to 9, not a function',
  ],
  [
    { abi: true },
    TypeError,
    'ERR_INVALID_ARG_TYPE',
    'abi must be an integer from 0 to 9, not true',
  ],
  [{ abi: 10 }, RangeError, 'ERR_OUT_OF_RANGE', 'abi must be an integer from 0 to 9, not 10'],
  [{ abi: 1.5 }, RangeError, 'ERR_OUT_OF_RANGE', 'abi must be an integer from 0 to 9, not 1.5'],
  [{ abi: NaN }, RangeError, 'ERR_OUT_OF_RANGE', 'abi must be an integer from 0 to 9, not NaN'],
];

for (const [options, instanceOf, code, message] of wrongOptions) {
  test(`a wrong option of a plug-in is an error with a code: ${message}`, (t) => {
    const error = { instanceOf, code, message: `probe: ${message}` };
    t.throws(() => plugin.version(options as Record<string, unknown>), error);
  });
}

test('a word that is none of those that are allowed is shown with them', (t) => {
  const long = 'x'.repeat(100);
  t.throws(() => plugin.probe({ panics: long }), {
    instanceOf: RangeError,
    code: 'ERR_OUT_OF_RANGE',
    message: new RegExp(`^probe: panics must be 'nowhere' or 'make' or .*, not 'x{60}…'$`),
  });
});

test('a getter of an option that throws ends the call with its error', (t) => {
  const thrown = new Error('a getter');
  const options = {
    get panics(): string {
      throw thrown;
    },
  };
  t.throws(() => plugin.probe(options), { is: thrown });
});

/** The error of a `listen()` that must be refused. */
function refusal(options: Partial<ListenOptions<Said, Written>>): Promise<NodeJS.ErrnoException> {
  return rejection(listen({ port: 0, ...options }).then((server) => server.destroy()));
}

const wrong: [what: string, protocol: unknown, code: string, message: RegExp][] = [
  ['null', null, 'ERR_INVALID_ARG_TYPE', /^protocol must be a protocol/],
  ['a name', 'probe', 'ERR_INVALID_ARG_TYPE', /^protocol must be a protocol.* not 'probe'/],
  ['the plug-in alone', plugin.probe(), 'ERR_INVALID_ARG_TYPE', /^protocol.name must be a string/],
  ['an empty name', { ...probe(), name: '' }, 'ERR_INVALID_ARG_VALUE', /^protocol.name/],
  [
    'no plug-in',
    { ...probe(), native: undefined },
    'ERR_INVALID_ARG_TYPE',
    /^protocol.native must be/,
  ],
  [
    'another object',
    { ...probe(), native: {} },
    'ERR_INVALID_ARG_TYPE',
    /^protocol.native must be/,
  ],
  [
    'no decode',
    { ...probe(), decode: undefined },
    'ERR_INVALID_ARG_TYPE',
    /^protocol.decode must be a function/,
  ],
  [
    'no encode',
    { ...probe(), encode: 5 },
    'ERR_INVALID_ARG_TYPE',
    /^protocol.encode must be a function/,
  ],
];

for (const [what, protocol, code, message] of wrong) {
  test(`a protocol that is none is a TypeError: ${what}`, async (t) => {
    const error = await refusal({ protocol: protocol as never });
    t.true(error instanceof TypeError);
    t.is(error.code, code);
    t.regex(error.message, message);
  });
}

for (const [name, value] of [
  ['framing', 'lines'],
  ['maxFrame', 100],
  ['chunks', 'borrowed'],
] as const) {
  test(`the option ${name} is refused beside a protocol`, async (t) => {
    const error = await refusal({ protocol: probe(), [name]: value });
    t.is(error.code, 'ERR_INVALID_ARG_VALUE');
    t.regex(error.message, new RegExp(`^${name} must be left out beside a protocol`));
  });
}
