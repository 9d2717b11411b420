// The arguments that must be refused before any system call: one table. The tests use it in their own process, and in
// a child process where descriptors and system calls are counted.
import { connect, listen } from 'edgepoll';

/** One refusal: the call with its argument, and what its error must contain. */
export interface BadInput {
  name: string;
  call: () => Promise<unknown>;
  error: 'TypeError' | 'RangeError';
  /** The value as the error's message shows it. */
  shows: string;
  /** The option's name, which the message must contain. */
  option: string;
}

/** A value that is wrong for this kind of option, the class of its error, and the value as the message shows it. */
type Bad = [value: unknown, error: BadInput['error'], shows: string];

const NOT_A_NUMBER: Bad[] = [
  ['3', 'TypeError', "'3'"],
  [null, 'TypeError', 'null'],
  [true, 'TypeError', 'true'],
  [{}, 'TypeError', 'an object'],
  [[80], 'TypeError', 'an array'],
  [10n, 'TypeError', '10'],
  [Symbol('s'), 'TypeError', 'Symbol(s)'],
  [() => 80, 'TypeError', 'a function'],
];

const NOT_AN_INTEGER: Bad[] = [
  [NaN, 'RangeError', 'NaN'],
  [Infinity, 'RangeError', 'Infinity'],
  [1.5, 'RangeError', '1.5'],
  [-1, 'RangeError', '-1'],
  [2 ** 31, 'RangeError', '2147483648'],
  [2 ** 32 + 80, 'RangeError', '4294967376'],
];

const PORT: Bad[] = [
  ...NOT_A_NUMBER,
  ...NOT_AN_INTEGER,
  [70_000, 'RangeError', '70000'],
  [65_536, 'RangeError', '65536'],
  [undefined, 'TypeError', 'undefined'],
];

const INTEGER: Bad[] = [...NOT_A_NUMBER, ...NOT_AN_INTEGER];

const BOOLEAN: Bad[] = [
  [1, 'TypeError', '1'],
  ['true', 'TypeError', "'true'"],
  [null, 'TypeError', 'null'],
];

const STRING: Bad[] = [
  [127, 'TypeError', '127'],
  [null, 'TypeError', 'null'],
  ['', 'RangeError', "''"],
  ['local\0host', 'RangeError', 'local'],
  [['localhost'], 'TypeError', 'an array'],
];

const SIGNAL: Bad[] = [
  [{ aborted: false }, 'TypeError', 'an object'],
  [null, 'TypeError', 'null'],
  ['abort', 'TypeError', "'abort'"],
];

const WORD: Bad[] = [
  ['neither', 'RangeError', "'neither'"],
  [1, 'TypeError', '1'],
  [null, 'TypeError', 'null'],
];

/** Framings with a bad option, by the name of that option. */
const FRAMINGS: Record<string, Bad[]> = {
  framing: [...WORD, ['delimiter', 'RangeError', "'delimiter'; it needs options"]],
  'framing.type': [
    [{}, 'TypeError', 'undefined'],
    [[], 'TypeError', 'undefined'],
    [{ type: 'none' }, 'RangeError', "'none'"],
  ],
  'framing.tooLong': [[{ type: 'lines', tooLong: 'cut' }, 'RangeError', "'cut'"]],
  'framing.keepEnd': [[{ type: 'lines', keepEnd: 1 }, 'TypeError', '1']],
  'framing.write': [[{ type: 'lines', write: '\n' }, 'RangeError', "'\n'"]],
  'framing.delimiter': [
    [{ type: 'delimiter' }, 'TypeError', 'undefined'],
    [{ type: 'delimiter', delimiter: [10] }, 'TypeError', 'an array'],
    [{ type: 'delimiter', delimiter: '' }, 'RangeError', '0'],
    [{ type: 'delimiter', delimiter: 'ä'.repeat(33) }, 'RangeError', '66'],
  ],
  'framing.size': [
    [{ type: 'length-prefix' }, 'TypeError', 'undefined'],
    [{ type: 'length-prefix', size: 5 }, 'RangeError', '5'],
    [{ type: 'length-prefix', size: '4' }, 'RangeError', "'4'"],
    [{ type: 'length-prefix', size: 'varints' }, 'RangeError', "; did you mean 'varint'?"],
    [{ type: 'fixed', size: 0 }, 'RangeError', '0'],
    [{ type: 'fixed', size: '16' }, 'TypeError', "'16'"],
  ],
  'framing.endian': [[{ type: 'length-prefix', size: 2, endian: 'LE' }, 'RangeError', "'LE'"]],
  'framing.offset': [[{ type: 'length-prefix', size: 2, offset: -1 }, 'RangeError', '-1']],
  'framing.adjust': [[{ type: 'length-prefix', size: 2, adjust: 0.5 }, 'RangeError', '0.5']],
  'framing.inclusive': [[{ type: 'length-prefix', size: 2, inclusive: 0 }, 'TypeError', '0']],
  'framing.keepHeader': [[{ type: 'length-prefix', size: 2, keepHeader: 0 }, 'TypeError', '0']],
};

class BlockListWithoutRules {
  check(): boolean {
    return false;
  }
}

const ADDRESSES: Bad[] = [
  [null, 'TypeError', 'null'],
  [3, 'TypeError', '3'],
  ['10.0.0.0/8', 'TypeError', "'10.0.0.0/8'"],
  [() => [], 'TypeError', 'a function'],
  [{}, 'TypeError', 'an object'],
  [new Set(['10.0.0.1']), 'TypeError', 'an instance of Set'],
  // As in a runtime whose BlockList does not give its rules.
  [new BlockListWithoutRules(), 'TypeError', 'an instance of BlockListWithoutRules'],
  [{ rules: 'Address: IPv4 10.0.0.1' }, 'TypeError', 'an object'],
  [{ rules: ['10.0.0.1'] }, 'TypeError', "'10.0.0.1'"],
  [{ rules: [1] }, 'TypeError', '1'],
  [['10.0.0.1', 1], 'TypeError', '1'],
  [['10.0.0.1', null], 'TypeError', 'null'],
  // oxlint-disable-next-line no-sparse-arrays -- a hole is undefined
  [[, '10.0.0.1'], 'TypeError', 'undefined'],
  [[''], 'RangeError', "''"],
  [['localhost'], 'RangeError', "'localhost'"],
  [['10.0.0'], 'RangeError', "'10.0.0'"],
  [['010.0.0.1'], 'RangeError', "'010.0.0.1'"],
  [['10.0.0.0/33'], 'RangeError', "'10.0.0.0/33'"],
  [['10.0.0.0/'], 'RangeError', "'10.0.0.0/'"],
  [['10.0.0.0/-1'], 'RangeError', "'10.0.0.0/-1'"],
  [['10.0.0.0/8.0'], 'RangeError', "'10.0.0.0/8.0'"],
  [['10.0.0.0/255.0.0.0'], 'RangeError', "'10.0.0.0/255.0.0.0'"],
  [['10.0.0.1-10.0.0.9'], 'RangeError', "'10.0.0.1-10.0.0.9'"],
  [['::/129'], 'RangeError', "'::/129'"],
  [['[::1]'], 'RangeError', "'[::1]'"],
  [['fe80::1%lo'], 'RangeError', "'fe80::1%lo'"],
  [['10.0.0.1:80'], 'RangeError', "'10.0.0.1:80'"],
];

/** Sizes of the kernel's buffers. */
const SIZE: Bad[] = [
  ...INTEGER.filter(([value]) => typeof value !== 'string'),
  ['3', 'RangeError', "'3'"],
  [0, 'RangeError', '0'],
  [4095, 'RangeError', '4095'],
];

const OF_CONNECTIONS: Record<string, Bad[]> = {
  receiveBufferSize: SIZE,
  sendBufferSize: SIZE,
  maxUnsentAmount: SIZE,
  noDelay: BOOLEAN,
  allowHalfOpen: BOOLEAN,
  readHighWaterMark: [...INTEGER, [0, 'RangeError', '0']],
  highWaterMark: [...INTEGER, [0, 'RangeError', '0']],
  lowWaterMark: [...INTEGER, [65_536, 'RangeError', '65536']],
  maxBufferedAmount: [...INTEGER, [65_535, 'RangeError', '65535']],
  endTimeout: [...INTEGER, [0, 'RangeError', '0']],
  ...FRAMINGS,
  chunks: WORD,
  maxFrame: [...INTEGER, [0, 'RangeError', '0']],
  driver: WORD,
  host: STRING,
  signal: SIGNAL,
};

const OF_LISTEN: Record<string, Bad[]> = {
  ...OF_CONNECTIONS,
  port: PORT,
  backlog: [...INTEGER, [-5, 'RangeError', '-5'], [0, 'RangeError', '0']],
  reusePort: BOOLEAN,
  ipv6Only: BOOLEAN,
  maxConnections: [...INTEGER, [0, 'RangeError', '0']],
  maxTotalBufferedAmount: [
    ...NOT_A_NUMBER,
    [NaN, 'RangeError', 'NaN'],
    [Infinity, 'RangeError', 'Infinity'],
    [1e9 + 0.5, 'RangeError', '1000000000.5'],
    [-1, 'RangeError', '-1'],
    [0, 'RangeError', '0'],
    [65_535, 'RangeError', '65535'],
    [2 ** 53, 'RangeError', '9007199254740992'],
  ],
  maxPending: [...INTEGER, [0, 'RangeError', '0']],
  maxConnectionsPerAddress: [...INTEGER, [0, 'RangeError', '0']],
  acceptRatePerAddress: [...INTEGER, [0, 'RangeError', '0']],
  exemptAddresses: ADDRESSES,
  blockList: ADDRESSES,
  refuseBy: WORD,
  onDrop: [...BOOLEAN, [{}, 'TypeError', 'an object']],
};

const OF_CONNECT: Record<string, Bad[]> = {
  ...OF_CONNECTIONS,
  port: [...PORT, [0, 'RangeError', '0']],
  timeout: [...INTEGER, [0, 'RangeError', '0']],
};

const NO_OPTIONS: Bad[] = [
  [undefined, 'TypeError', 'undefined'],
  [null, 'TypeError', 'null'],
  [80, 'TypeError', '80'],
  ['80', 'TypeError', "'80'"],
];

function table(
  name: string,
  call: (options: never) => Promise<unknown>,
  options: Record<string, Bad[]>,
): BadInput[] {
  const good = { host: '127.0.0.1', port: 1 };
  const cases = Object.entries(options).flatMap(([option, bad]) =>
    bad.map(([value, error, shows]) => ({
      name: `${name} ${option} ${shows}`,
      // 'framing.size' is an option of the object that is passed as 'framing'.
      call: () => call({ ...good, [option.split('.', 1)[0] ?? '']: value } as never),
      error,
      shows,
      option,
    })),
  );
  const none = NO_OPTIONS.map(([value, error, shows]) => ({
    name: `${name}(${String(value)})`,
    call: () => call(value as never),
    error,
    shows,
    option: 'options',
  }));
  return [...cases, ...none];
}

/** All refusals of `listen()` and `connect()`. */
export const badInputs: BadInput[] = [
  ...table('listen', listen, OF_LISTEN),
  ...table('connect', connect, OF_CONNECT),
];
