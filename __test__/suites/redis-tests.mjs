// Redis's own tests, against the example redis-like. The example has some of Redis's commands alone: a test may fail if its
// error is that a command is unknown, and not otherwise. How many pass is pinned, so that a suite that stopped early is no success.

import assert from 'node:assert';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { stripVTControlCharacters } from 'node:util';
import { run as runProgram } from '../../scripts/lib/run.mjs';
import { withServer } from './server.mjs';
import { missingProgram, missingRedisSource, redisFolder } from './tools.mjs';

/** The units, and how many tests of each pass. Those that are left out wait for replies to commands that the example does not have. */
const units = {
  protocol: 14,
  quit: 3,
  pubsub: 14,
  'type/incr': 10,
  'type/string': 27,
  expire: 47,
};

/** Tests that wait for ever for what a command would cause that the example does not have. */
const skipped = '/Keyspace notifications|CLIENT REPLY OFF';

/** What the example does not have, in the words by which the tests ask for it. */
const lacking = [
  'cluster-enabled',
  'external:skip',
  'large-memory',
  'needs:config-maxmemory',
  'needs:config-resetstat',
  'needs:debug',
  'needs:pfdebug',
  'needs:repl',
  'needs:reset',
  'needs:save',
  'slow',
];

/** The styles of the example, and the port from which Redis's tests look for one of their own: two runs at once must not find the same. */
const styles = { connection: 21_111, batches: 22_111 };

export const redisTests = Object.fromEntries(
  Object.entries(styles).map(([style, basePort]) => {
    const server = ['build/examples/redis-like.js', '--port', '0', '--style', style];
    const missing = () => missingProgram('tclsh', 'tcl') ?? missingRedisSource();
    const run = () => withServer(server, (port) => runTests(port, basePort));
    return [`redis-tests-${style}`, { missing, run }];
  }),
);

async function runTests(port, basePort) {
  // The tests write into their own folder.
  const folder = mkdtempSync(`${tmpdir()}/edgepoll-redis-`);
  try {
    const source = await redisFolder();
    for (const name of ['runtest', 'redis.conf', 'tests']) {
      cpSync(`${source}/${name}`, `${folder}/${name}`, { recursive: true });
    }
    const { text } = await runProgram('./runtest', options(port, basePort), {
      cwd: folder,
      output: 'keep',
      silence: 120,
    });
    return check(text);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function options(port, basePort) {
  const server = `--host 127.0.0.1 --port ${port} --singledb --baseport ${basePort} --clients 1`;
  // Without --durable, the first error that a test does not expect would end its unit.
  const way = '--durable --no-latency --ignore-encoding --ignore-digest';
  const tags = ['--tags', lacking.map((tag) => `-${tag}`).join(' '), '--skiptest', skipped];
  const singles = Object.keys(units).flatMap((unit) => ['--single', `unit/${unit}`]);
  return [...server.split(' '), ...way.split(' '), ...tags, ...singles];
}

/** Compares what the tests printed with what is expected. Returns a summary. */
function check(output) {
  const text = stripVTControlCharacters(output);
  const passed = {};
  const wrong = [];
  let unknown = 0;
  let unit;
  for (const part of text.split(/^(?=Testing unit\/|\[)/m)) {
    unit = /^Testing unit\/(\S+)/.exec(part)?.[1] ?? unit;
    if (part.startsWith('[ok]')) passed[unit] = (passed[unit] ?? 0) + 1;
    if (part.startsWith('[exception]')) wrong.push(part);
    if (!part.startsWith('[err]')) continue;
    if (part.includes('unknown command')) unknown += 1;
    else wrong.push(part);
  }
  assert.ok(wrong.length === 0, wrong.join(''));
  assert.ok('expire' in passed, `the tests stopped early: ${text.slice(-2000)}`);
  assert.deepStrictEqual(passed, units);
  const total = Object.values(passed).reduce((sum, count) => sum + count, 0);
  return `${total} tests pass, ${unknown} need commands that the example does not have`;
}
