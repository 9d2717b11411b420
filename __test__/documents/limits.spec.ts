/** docs/limits.md: each row of its table has a test, and the defaults in it are those of the code. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import test from 'ava';

import type { NativeMethod } from '../connections/helpers.js';
import { nativeMethods } from '../connections/helpers.js';
import { mostDescriptors } from '../support/descriptors.js';
import { serverOf } from '../support/net.js';
import { root } from '../support/process.js';

interface Row {
  name: string;
  options: string;
  happens: string;
  counter: string;
}

const cell = (text = ''): string => text.trim();

/** The rows of the document's only table with seven columns. */
const rows: Row[] = readFileSync(join(root, 'docs/limits.md'), 'utf8')
  .split('\n')
  .filter((line) => line.split('|').length === 9 && !/^\| who |^\|---/.test(line))
  .map((line) => {
    const [, , name, , , options, happens, counter] = line.split('|');
    return {
      name: cell(name),
      options: cell(options),
      happens: cell(happens),
      counter: cell(counter),
    };
  });

const TURNS = 'crates/edgepoll/tests/hazards_simulated/turns.rs';

/** Rows whose test is elsewhere: the file, and a part of its text. */
const elsewhere: Record<string, [file: string, test: string]> = {
  'descriptors that run out': [
    '__test__/connections/accept-without-descriptors.spec.ts',
    'EMFILE: connections are kept, nothing spins, accepting resumes',
  ],
  'sent bytes in the kernel': [
    '__test__/connections/buffer-sizes.spec.ts',
    'a peer that reads nothing gets no more from the kernel than it has sent, and maxUnsentAmount',
  ],
  'work of a turn for one connection': [TURNS, 'fn a_turn_is_shared_equally_by_connections'],
  'work of a turn': [TURNS, 'fn a_long_batch_makes_the_next_turns_shorter'],
  'wait of a new client': [TURNS, 'fn a_new_client_is_served_in_the_turn_after_its_accept'],
  'bytes of all': [
    '__test__/connections/total-buffered.spec.ts',
    'peers that read nothing are closed when all hold too much, and the others stay',
  ],
  'known addresses': [
    'crates/edgepoll/src/reactor/clients.rs',
    'fn after_a_second_everything_is_given_back',
  ],
};

test('each row of docs/limits.md has a test with its name, and each such test has a row', (t) => {
  t.true(rows.length >= 25, `${rows.length} rows`);
  const folder = join(root, '__test__/connections/limits');
  const texts = readdirSync(folder)
    .filter((name) => name.endsWith('.spec.ts'))
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .join('\n');
  const tested = Array.from(
    texts.matchAll(/^(?:row\('(?<called>[^']+)'| {2}'(?<listed>[^']+)': \{$)/gm),
    ({ groups }) => groups?.['called'] ?? groups?.['listed'] ?? '',
  );
  const here = rows.map(({ name }) => name).filter((name) => !Object.hasOwn(elsewhere, name));
  t.deepEqual(tested.toSorted(), here.toSorted());
  for (const [name, [file, title]] of Object.entries(elsewhere)) {
    t.true(readFileSync(join(root, file), 'utf8').includes(title), `${name}: ${title}`);
    t.true(
      rows.some((row) => row.name === name),
      name,
    );
  }
});

/** The names of settings that differ from their options. */
const NAMES: Record<string, string> = {
  maxTotalBufferedAmount: 'maxTotalBuffered',
  maxBufferedAmount: 'maxBuffered',
  minReceiveRate: 'receiveRate',
  minSendRate: 'sendRate',
  maxConnectionsPerAddress: 'perAddress',
  acceptRatePerAddress: 'rate',
  exemptAddresses: 'exempt',
  blockList: 'block',
  receiveBufferSize: 'receive',
  sendBufferSize: 'send',
  maxUnsentAmount: 'unsent',
  // A turn receives as much as the mark says.
  readHighWaterMark: 'mostPerTurn',
};

/** The default of an option, as the document writes it. */
function valueOf(text: string): unknown {
  if (/^[\d,]+$/.test(text)) return Number(text.replaceAll(',', ''));
  const most = Math.floor(mostDescriptors() * 0.8);
  const named: Record<string, unknown> = {
    none: [],
    // The kernel's choice.
    auto: 0,
    '80 % of the limit of descriptors': most,
    'half of `maxConnections`': Math.floor(most / 2),
  };
  return named[text];
}

test.serial('the defaults in docs/limits.md are those of the code', async (t) => {
  const prototype = nativeMethods();
  const found: Record<string, unknown> = {};
  for (const name of ['listen', 'grant']) {
    const real = prototype[name] as NativeMethod;
    t.teardown(() => (prototype[name] = real));
    prototype[name] = function (this: unknown, ...all) {
      if (name === 'grant') found['maxPending'] = all[2];
      else {
        const { connection, admission, ...others } = all[2] as Record<string, object>;
        const { buffers } = connection as { buffers: object };
        Object.assign(found, others, connection, admission, buffers);
      }
      return real.apply(this, all);
    };
  }
  const server = await serverOf(t);
  const next = server[Symbol.asyncIterator]().next();
  server.destroy();
  await next;
  let count = 0;
  for (const { name, options } of rows) {
    for (const [, option = '', text = ''] of options.matchAll(/`(\w+)` ((?:[^,]|,(?=\d))+)/g)) {
      count += 1;
      t.deepEqual(found[NAMES[option] ?? option], valueOf(text), `${name}: ${option} ${text}`);
    }
  }
  t.true(count >= 20, `${count} options`);
});

test('each counter and each code in docs/limits.md exists', async (t) => {
  const server = await serverOf(t);
  const counters = Object.keys(server.stats());
  const errors = readFileSync(join(root, 'docs/errors.md'), 'utf8');
  for (const { name, happens, counter } of rows) {
    for (const [, one = ''] of counter.matchAll(/`(\w+)`/g)) t.true(counters.includes(one), name);
    for (const [, code = ''] of happens.matchAll(/`(E\w+)`/g))
      t.true(errors.includes(`\`${code}\``), `${name}: ${code}`);
  }
});
