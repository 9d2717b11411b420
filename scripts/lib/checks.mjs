// The checks of the project, in the order in which they run: quick ones first.

import { avaCounts, cargoCounts, plainCounts } from './counts.mjs';
import { inProject } from './root.mjs';
import { missingForAsan } from './sanitizer.mjs';
import { compiler } from './steps.mjs';
import { missingRust } from './toolchain.mjs';

const tsc = (project) => [process.execPath, compiler, '-p', project, '--noEmit'];
const script = (name, ...args) => [process.execPath, inProject(`scripts/${name}.mjs`), ...args];
const cargo = (command, ...args) => ['cargo', command, '--locked', ...args];
const bin = (name, ...args) => [inProject(`node_modules/.bin/${name}`), ...args];

/** What `npm run test:quick` runs of the tests in Rust: no more than a few seconds each. */
const quickBinaries = ['busy_poll', 'hazards_loopback', 'hazards_simulated', 'readiness'];
/** What it runs of the tests in TypeScript: each folder, and each kind of object. */
const quickSpecs = [
  'connections/{addresses,borrowed,connect,echo,ends,events,half-close,lines,listen,pause,reset,staged-writes}',
  'epoll/{epoll,errors}',
  'fd/{counters,messages,options,owned,ready,signals,sockets,waiting}',
  'internal/{inspect,option-names,realms,replaced-globals}',
  'kernel/raw',
  'process/{stdio,worker}',
  'readiness/{lifetime,pipe,poller,register-arguments}',
];

/**
 * One check is one command:
 * - `needs`: the last step of the set-up that must have succeeded; without it, none.
 * - `missing`: says what this machine lacks to run it.
 * - `count`: reads from the output how many tests passed and failed. Without it, the check counts as one test.
 * - `quick`: `true`, or the shorter command, if `npm run test:quick` has it.
 * - `silence`: the seconds without any output after which it hangs and is stopped, if the usual ones are too few.
 */
export const checks = [
  { name: 'structure', command: script('structure'), quick: true },
  { name: 'locks', command: script('locks'), quick: true },
  { name: 'rustfmt', command: cargoFmt(), missing: missingRust, quick: true },
  { name: 'oxfmt', command: bin('oxfmt', '--check'), needs: 'install', quick: true },
  { name: 'smoke-node', command: script('smoke', 'node'), needs: 'src', quick: true },
  { name: 'tsc-src', command: tsc('tsconfig.json'), needs: 'native', quick: true },
  { name: 'tsc-examples', command: tsc('tsconfig.examples.json'), needs: 'install', quick: true },
  { name: 'tsc-test', command: tsc('tsconfig.test.json'), needs: 'native', quick: true },
  { name: 'tsc-benchmark', command: tsc('benchmark'), needs: 'install', quick: true },
  { name: 'types', command: tsc('tsconfig.types.json'), needs: 'install', quick: true },
  {
    name: 'oxlint',
    command: bin('oxlint', '--type-aware', '--deny-warnings'),
    needs: 'native',
    quick: true,
  },
  { name: 'knip', command: bin('knip', '--no-progress'), needs: 'install', quick: true },
  { name: 'publint', command: script('packed', 'publint', '--strict'), needs: 'src', quick: true },
  {
    name: 'attw',
    // The package is ESM alone. `require` of it works from Node.js 20.19 on, the oldest that it supports.
    command: script('packed', 'attw', '--ignore-rules', 'cjs-resolves-to-esm'),
    needs: 'src',
    quick: true,
  },
  { name: 'no-tokio', command: script('no-tokio'), missing: missingRust, quick: true },
  {
    name: 'clippy',
    command: cargo('clippy', '--workspace', '--all-targets', '--', '-D', 'warnings'),
    missing: missingRust,
    quick: true,
  },
  {
    name: 'cargo-test',
    command: cargo('test', '--workspace', '--no-fail-fast'),
    quick: cargo(
      'test',
      '-p',
      'edgepoll',
      '--no-fail-fast',
      '--lib',
      ...quickBinaries.flatMap((name) => ['--test', name]),
    ),
    missing: missingRust,
    count: cargoCounts,
  },
  {
    name: 'ava',
    command: bin('ava'),
    quick: bin('ava', ...quickSpecs.map((names) => `build/__test__/${names}.spec.js`)),
    needs: 'test',
    count: avaCounts,
  },
  { name: 'dts', command: script('dts', '--check'), needs: 'src' },
  {
    name: 'types-matrix',
    command: script('types-matrix'),
    needs: 'install',
    // It prints one line for each compiler, after all of that compiler's combinations.
    silence: 30 * 60,
  },
  {
    name: 'ava-threads',
    command: bin('ava'),
    env: { EDGEPOLL_AVA_THREADS: '1' },
    needs: 'test',
    count: avaCounts,
  },
  {
    name: 'asan',
    command: script('asan'),
    needs: 'test',
    missing: missingForAsan,
    count: avaCounts,
  },
  { name: 'smoke-bun', command: script('smoke', 'bun'), needs: 'src' },
  { name: 'smoke-deno', command: script('smoke', 'deno'), needs: 'src' },
  { name: 'portable-bun', command: script('portable', 'bun'), needs: 'test', count: plainCounts },
  { name: 'portable-deno', command: script('portable', 'deno'), needs: 'test', count: plainCounts },
  {
    name: 'faults',
    command: script('faults'),
    needs: 'test',
    missing: missingRust,
    count: plainCounts,
    // It prints one line for each fault, after a build and the tests, and stops tests that hang itself.
    silence: 30 * 60,
  },
];

function cargoFmt() {
  return ['cargo', 'fmt', '--all', '--check'];
}
