// Every check of the project, in the order in which they run: the cheap and the broad first.
// One job: the list. A check is one command; `count` reads how many tests that ran (without it, the
// check is one test), --fast leaves the slow ones out, and `missing` says why one cannot run here. Used by test.mjs.

import { avaCounts, cargoCounts, plainCounts } from './counts.mjs';
import { inProject } from './root.mjs';
import { missingForAsan } from './sanitizer.mjs';
import { compiler } from './steps.mjs';

const tsc = (project) => [process.execPath, compiler, '-p', project, '--noEmit'];
const script = (name, ...args) => [process.execPath, inProject(`scripts/${name}.mjs`), ...args];
const cargo = (command) => ['cargo', command, '--locked', '--workspace'];

export const checks = [
  { name: 'rustfmt', command: ['cargo', 'fmt', '--all', '--check'] },
  { name: 'locks', command: script('locks') },
  { name: 'oxfmt', command: [bin('oxfmt'), '--check'] },
  { name: 'tsc-src', command: tsc('tsconfig.json') },
  { name: 'tsc-examples', command: tsc('tsconfig.examples.json') },
  { name: 'tsc-test', command: tsc('tsconfig.test.json') },
  { name: 'tsc-benchmark', command: tsc('benchmark') },
  { name: 'types', command: tsc('tsconfig.types.json') },
  { name: 'types-matrix', command: script('types-matrix') },
  { name: 'oxlint', command: [bin('oxlint'), '--type-aware', '--deny-warnings'] },
  { name: 'dts', command: script('dts', '--check') },
  { name: 'no-tokio', command: script('no-tokio') },
  {
    name: 'clippy',
    command: [...cargo('clippy'), '--all-targets', '--', '-D', 'warnings'],
  },
  {
    name: 'cargo-test',
    command: [...cargo('test'), '--no-fail-fast'],
    count: cargoCounts,
  },
  { name: 'ava', command: [bin('ava')], count: avaCounts },
  {
    name: 'ava-threads',
    command: [bin('ava')],
    env: { EDGEPOLL_AVA_THREADS: '1' },
    count: avaCounts,
  },
  {
    name: 'asan',
    command: script('asan'),
    count: avaCounts,
    missing: missingForAsan,
    slow: true,
  },
  { name: 'smoke-node', command: script('smoke', 'node') },
  { name: 'smoke-bun', command: script('smoke', 'bun'), slow: true },
  { name: 'smoke-deno', command: script('smoke', 'deno'), slow: true },
  {
    name: 'portable-bun',
    command: script('portable', 'bun'),
    count: plainCounts,
    slow: true,
  },
  {
    name: 'portable-deno',
    command: script('portable', 'deno'),
    count: plainCounts,
    slow: true,
  },
  { name: 'faults', command: script('faults'), count: plainCounts, slow: true },
];

function bin(name) {
  return inProject(`node_modules/.bin/${name}`);
}
