// Ten minutes of connects, resets, half-closes, floods, aborts, and deaths of workers with servers: descriptors, threads, memory and
// counters must end where they began. Options: --seconds N, --seed N, --json.

import { fork } from 'node:child_process';
import { inProject } from './lib/root.mjs';
import { readArguments, refuseArguments } from './lib/usage.mjs';
import { Peers } from './soak/peers.mjs';

const { values } = readArguments('npm run soak -- [--seconds N] [--seed N] [--json]', {
  options: {
    seconds: { type: 'string', default: '600' },
    seed: { type: 'string', default: String(Date.now() % 100_000) },
    json: { type: 'boolean', default: false },
  },
});
const seconds = Number(values.seconds);
const seed = Number(values.seed);
if (!(seconds > 0)) refuseArguments('--seconds needs a number above 0');
if (!Number.isSafeInteger(seed)) refuseArguments('--seed needs a whole number');

/** Connections at once, and rows of the table. */
const loops = 48;
const rows = 12;
/** Seconds of the same before the first figures: by then code is compiled, and pools have their size. */
const warming = Math.max(8, Math.min(30, seconds / 3));
/** How long the servers may take to close what the peers have left, in milliseconds. */
const closing = 40_000;
/**
 * How much more memory the process may use in the end, in bytes. What glibc and V8 keep of what was freed differs by 50 MiB from run to
 * run, however long the run is.
 */
const more = { rss: 64 * 2 ** 20, heapUsed: 3 * 2 ** 20, arrayBuffers: 2 ** 20 };

const target = fork(inProject('scripts/soak/target.mjs'), [String(seed)], {
  cwd: inProject(),
  execArgv: ['--expose-gc'],
});
let peers;
const answers = [];
const ports = await new Promise((resolve, reject) => {
  target.on('exit', (code, signal) => reject(new Error(`it ended: ${signal ?? code}`)));
  target.on('message', (message) => {
    if (message.ports !== undefined) resolve(message.ports);
    else if (message.brief !== undefined) peers?.addBrief(message.brief);
    else answers.shift()?.(message.answer);
  });
});
const died = new Promise((_, reject) => {
  target.on('exit', (code, signal) => reject(new Error(`it ended: ${signal ?? code}`)));
});
died.catch(() => {});

const failures = [];
try {
  await work();
} catch (error) {
  failures.push(error.stack);
  target.kill('SIGKILL');
}
for (const failure of failures) console.log(`FAIL ${failure}`);
console.log(`${failures.length === 0 ? 1 : 0} passed, ${failures.length} failed`);
process.exitCode = failures.length === 0 ? 0 : 1;

async function work() {
  console.log(`soak: ${seconds} s, seed ${seed}`);
  header();
  await stress(warming, seed, 0);
  const before = await settle();
  show('before', before);
  const made = await stress(seconds, seed + 1, rows);
  const after = await settle();
  show('after', after);
  compare(before, after, made);
  await order('end');
  await new Promise((resolve) => target.on('exit', resolve));
}

/** Runs the peers and the target's own doings. Shows `count` rows. */
async function stress(time, from, count) {
  await order('start');
  peers = new Peers(ports, loops, from);
  for (let row = 1; row <= count; row += 1) {
    await later((time / count) * 1000);
    show(`${Math.round((time / count) * row)} s`, await order('sample'));
  }
  if (count === 0) await later(time * 1000);
  await Promise.race([Promise.all([peers.stop(), order('stop')]), died]);
  for (const what of new Set(peers.hung)) failures.push(`a peer hung: ${what}`);
  return peers.made;
}

/** Waits until every connection is closed. Returns what the target uses then. */
async function settle() {
  const end = Date.now() + closing;
  while ((await order('sample')).open > 0 && Date.now() < end) await later(100);
  return await order('sample', true);
}

function compare(before, after, made) {
  for (const name of ['descriptors', 'threads']) {
    if (after[name] !== before[name])
      failures.push(`${name}: ${before[name]}, then ${after[name]}`);
  }
  for (const [name, most] of Object.entries(more)) {
    const grown = after[name] - before[name];
    if (grown > most) failures.push(`${name} has grown by ${mebibytes(grown)} MiB`);
  }
  for (const name of ['open', 'pending']) {
    if (after[name] !== 0) failures.push(`${name}: ${after[name]} in the end`);
  }
  if (after.accepted !== after.closed) {
    failures.push(`${after.accepted} accepted, and ${after.closed} closes were reported`);
  }
  for (const error of after.uncaught) failures.push(error);
  for (const [name, count] of Object.entries({
    ...made,
    workers: after.workers - before.workers,
    'aborted servers': after.aborted - before.aborted,
  })) {
    if (count === 0) failures.push(`nothing of this kind was done: ${name}`);
  }
}

function order(name, settled) {
  const answer = new Promise((resolve) => answers.push(resolve));
  target.send({ order: name, settled });
  return Promise.race([answer, died]);
}

function later(milliseconds) {
  return Promise.race([new Promise((resolve) => setTimeout(resolve, milliseconds)), died]);
}

function header() {
  if (values.json) return;
  console.log(
    '\n| | Accepted | Open | Descriptors | Threads | RSS | Heap | ArrayBuffers | Workers | Aborts |',
  );
  console.log('|---|---|---|---|---|---|---|---|---|---|');
}

function show(title, sample) {
  if (values.json) {
    console.log(JSON.stringify({ title, ...sample }));
    return;
  }
  const { accepted, open, descriptors, threads, rss, heapUsed, arrayBuffers, workers } = sample;
  const memory = [rss, heapUsed, arrayBuffers].map((bytes) => `${mebibytes(bytes)} MiB`);
  const cells = [title, accepted, open, descriptors, threads, ...memory, workers];
  console.log(`| ${cells.join(' | ')} | ${sample.aborted + sample.connects} |`);
}

function mebibytes(bytes) {
  return (bytes / 2 ** 20).toFixed(1);
}
