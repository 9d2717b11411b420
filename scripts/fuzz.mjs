// Fuzzes a protocol with libFuzzer: node scripts/fuzz.mjs NAME [--seconds 60]. NAME is a program of protocols/fuzz. The cases that reach
// new code are kept in target/fuzz/NAME, and a case that fails is written there too. It needs a C++ compiler.

import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { inProject } from './lib/root.mjs';
import { run } from './lib/run.mjs';
import { readArguments, refuseArguments } from './lib/usage.mjs';

const names = ['resp', 'resp-client', 'websocket', 'websocket-client'];
const usage = `node scripts/fuzz.mjs ${names.join('|')} [--seconds 60]`;
const triple = 'x86_64-unknown-linux-gnu';

// They count the code that a case reaches, and the values that it compares. A stable compiler has them.
const flags = [
  '-Cpasses=sancov-module',
  '-Ccodegen-units=1',
  '-Cllvm-args=-sanitizer-coverage-level=4',
  '-Cllvm-args=-sanitizer-coverage-inline-8bit-counters',
  '-Cllvm-args=-sanitizer-coverage-pc-table',
  '-Cllvm-args=-sanitizer-coverage-trace-compares',
];

const options = { seconds: { type: 'string', default: '60' } };
const { values, positionals } = readArguments(usage, { options, least: 1 });
const name = positionals[0];
const seconds = Number(values.seconds);
if (!names.includes(name)) refuseArguments(`there is no program '${name}'. usage: ${usage}`);
if (!Number.isInteger(seconds) || seconds < 1) {
  refuseArguments(`--seconds ${values.seconds} is no number of seconds. usage: ${usage}`);
}
const target = inProject('target/fuzz');
const corpus = path.join(target, name);
mkdirSync(corpus, { recursive: true });
const manifest = inProject('protocols/fuzz/Cargo.toml');
const cargo = ['run', '--release', '--manifest-path', manifest, '--target', triple, '--bin', name];
const settings = [
  `-max_total_time=${seconds}`,
  '-timeout=10',
  '-rss_limit_mb=1024',
  '-max_len=8192',
  `-artifact_prefix=${corpus}/failed-`,
  '-print_final_stats=1',
];
const { code } = await run(
  'cargo',
  [...cargo, '--', ...settings, corpus, inProject(`protocols/fuzz/seeds/${name}`)],
  { env: { CARGO_TARGET_DIR: target, RUSTFLAGS: flags.join(' ') } },
);
process.exitCode = code === 0 ? 0 : 1;
