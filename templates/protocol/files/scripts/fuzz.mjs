// Fuzzes the protocol with libFuzzer: node scripts/fuzz.mjs [SECONDS]. The cases that reach new code are kept in fuzz/corpus, and a case
// that fails is written there too. It needs a C++ compiler.

import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { arch } from 'node:process';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../fuzz', import.meta.url));
const seconds = Number(process.argv[2] ?? 60);
if (!Number.isInteger(seconds) || seconds < 1) {
  console.error(`fuzz: '${process.argv[2]}' is no number of seconds`);
  process.exit(2);
}

// They count the code that a case reaches, and the values that it compares. A stable compiler has them.
const flags = [
  '-Cpasses=sancov-module',
  '-Ccodegen-units=1',
  '-Cllvm-args=-sanitizer-coverage-level=4',
  '-Cllvm-args=-sanitizer-coverage-inline-8bit-counters',
  '-Cllvm-args=-sanitizer-coverage-pc-table',
  '-Cllvm-args=-sanitizer-coverage-trace-compares',
];
const cpu = { x64: 'x86_64', arm64: 'aarch64' }[arch] ?? arch;
// With a target the flags are not used for build scripts.
const cargo = ['run', '--release', '--target', `${cpu}-unknown-linux-gnu`, '--'];
const settings = [`-max_total_time=${seconds}`, '-timeout=10', '-rss_limit_mb=1024'];
mkdirSync(`${folder}/corpus`, { recursive: true });
const { error, status } = spawnSync(
  'cargo',
  [...cargo, ...settings, '-artifact_prefix=corpus/failed-', 'corpus', 'seeds'],
  { cwd: folder, stdio: 'inherit', env: { ...process.env, RUSTFLAGS: flags.join(' ') } },
);
if (error !== undefined) console.error(`fuzz: cargo did not start: ${error.message}`);
process.exitCode = status === 0 ? 0 : 1;
