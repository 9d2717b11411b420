// The checks of the project, in the order in which they run: quick ones first.

import { missingTools } from '../../__test__/packages/tools.mjs';
import { avaCounts, cargoCounts, nodeTestCounts, plainCounts } from './counts.mjs';
import { missingToTry } from '../targets/try.mjs';
import { plugins } from './protocols.mjs';
import { inProject } from './root.mjs';
import { compiler, missingPackages } from './steps.mjs';
import { missingForAsan, missingForAttack, missingForInject, missingRust } from './toolchain.mjs';
import { missingForZizmor } from './zizmor.mjs';

const tsc = (project) => [process.execPath, compiler, '-p', project, '--noEmit'];
const script = (name, ...args) => [process.execPath, inProject(`scripts/${name}.mjs`), ...args];
const bin = (name, ...args) => [inProject(`node_modules/.bin/${name}`), ...args];
const cargo = (words) => ['cargo', ...words.split(' ')];

/** cargo's arguments for the protocols, with what they are made by, and for all crates that are published. */
const pluginCrates = ['edgepoll-protocol', ...plugins.map(({ crate }) => crate)]
  .map((name) => `-p ${name}`)
  .join(' ');
const crates = `-p edgepoll ${pluginCrates}`;

/** The targets that every run tries whole. */
const usualTargets = ['linux-x64-gnu', 'linux-x64-musl'];
/** The targets that every run tries under qemu, without slow specs. They are tried whole before a release, and so are the rest. */
const emulatedTargets = ['linux-arm64-gnu', 'linux-arm-gnueabihf'];

/** The specs that `npm run test:quick` runs: some of each folder, and each kind of object. */
const quickSpecs = [
  'connections/{addresses,borrowed,connect,echo,ends,events,half-close,lines,listen,pause,reset,staged-writes}',
  'epoll/{epoll,errors}',
  'fd/{counters,messages,options,owned,ready,signals,sockets,waiting}',
  'internal/{inspect,option-names,realms,replaced-globals}',
  'kernel/raw',
  'process/{stdio,worker}',
  'readiness/{lifetime,pipe,poller,register-arguments}',
].map((names) => `build/__test__/${names}.spec.js`);
const quickRust =
  'test --locked -p edgepoll --lib --test busy_poll --test hazards_loopback --test hazards_simulated --test readiness';

/**
 * One check is one command:
 * - `needs`: the last step of the set-up that must have succeeded; without it, none.
 * - `missing`: says what this machine lacks to run it.
 * - `count`: reads from the output how many tests passed and failed. Without it, the check counts as one test.
 * - `quick`: the command for `npm run test:quick`, or `true` for the usual one.
 * - `silence`: seconds without output after which the check hangs, where the usual ones are too few.
 */
const list = {
  structure: { command: script('structure'), quick: true },
  locks: { command: script('locks'), quick: true },
  versions: { command: script('version', '--check'), quick: true },
  'npm-dirs': {
    command: script('targets/npm-dirs', '--check'),
    needs: 'install',
    quick: true,
  },
  rustfmt: { command: cargo('fmt --all --check'), missing: missingRust, quick: true },
  oxfmt: { command: bin('oxfmt', '--check'), needs: 'install', quick: true },
  'smoke-node': { command: script('smoke', 'node'), needs: 'protocols', quick: true },
  'tsc-src': { command: tsc('tsconfig.json'), needs: 'native', quick: true },
  'tsc-examples': { command: tsc('tsconfig.examples.json'), needs: 'protocols', quick: true },
  'tsc-test': { command: tsc('tsconfig.test.json'), needs: 'protocols', quick: true },
  'tsc-benchmark': { command: tsc('benchmark'), needs: 'protocols', quick: true },
  types: { command: tsc('tsconfig.types.json'), needs: 'install', quick: true },
  oxlint: {
    command: bin('oxlint', '--type-aware', '--deny-warnings'),
    needs: 'protocols',
    quick: true,
  },
  knip: { command: bin('knip', '--no-progress'), needs: 'install', quick: true },
  publint: { command: script('packed', 'publint', '--strict'), needs: 'protocols', quick: true },
  // The package is ESM alone. `require` of it works in each Node.js that it supports.
  attw: {
    command: script('packed', 'attw', '--ignore-rules', 'cjs-resolves-to-esm'),
    needs: 'protocols',
    quick: true,
  },
  clippy: {
    command: cargo('clippy --locked --workspace --all-targets -- -D warnings'),
    missing: missingRust,
    quick: true,
  },
  // What the protocols have as addons alone.
  'clippy-node': {
    command: cargo(
      `clippy --locked --lib --examples ${pluginCrates} --all-features -- -D warnings`,
    ),
    missing: missingRust,
    quick: true,
  },
  rustdoc: {
    command: cargo(`doc --locked ${crates} --all-features --no-deps`),
    env: { RUSTDOCFLAGS: '-D warnings' },
    missing: missingRust,
  },
  // What crates.io would get, compiled alone.
  crate: { command: script('crate'), needs: 'native', missing: missingRust },
  'cargo-test': {
    command: cargo('test --locked --workspace --no-fail-fast'),
    quick: cargo(quickRust),
    missing: missingRust,
    count: cargoCounts,
  },
  ava: { command: bin('ava'), quick: bin('ava', ...quickSpecs), needs: 'test', count: avaCounts },
  dts: { command: script('dts', '--check'), needs: 'src' },
  // It prints one line for each compiler, after all of that compiler's combinations.
  'types-matrix': { command: script('types-matrix'), needs: 'protocols', silence: 30 * 60 },
  'ava-threads': {
    command: bin('ava'),
    env: { EDGEPOLL_AVA_THREADS: '1' },
    needs: 'test',
    count: avaCounts,
  },
  // The short forms. `npm run attack`, `npm run inject` and `npm run soak` are the whole ones.
  attack: {
    command: [process.execPath, inProject('benchmark/runner/attack/main.mjs'), '--check'],
    needs: 'test',
    missing: missingForAttack,
    count: plainCounts,
  },
  inject: {
    command: script('inject', '--short'),
    missing: missingForInject,
    count: plainCounts,
  },
  soak: { command: script('soak', '--seconds', '8'), needs: 'test', count: plainCounts },
  asan: { command: script('asan'), needs: 'test', missing: missingForAsan, count: avaCounts },
  zizmor: { command: script('zizmor'), missing: missingForZizmor },
  publish: {
    command: [process.execPath, '--test', '--test-reporter=spec', '__test__/release/publish.mjs'],
    needs: 'install',
    count: nodeTestCounts,
  },
  'smoke-bun': { command: script('smoke', 'bun'), needs: 'protocols' },
  'smoke-deno': { command: script('smoke', 'deno'), needs: 'protocols' },
  'portable-bun': { command: script('portable', 'bun'), needs: 'test', count: plainCounts },
  'portable-deno': { command: script('portable', 'deno'), needs: 'test', count: plainCounts },
  packages: {
    command: script('e2e'),
    needs: 'protocols',
    missing: missingTools,
    count: plainCounts,
  },
  hosts: {
    command: script('hosts'),
    needs: 'protocols',
    missing: () => missingPackages('__test__/hosts', 'benchmark'),
    count: plainCounts,
  },
  // Other people's clients and suites. A case that needs a program that is not there says so, and is not run.
  suites: {
    command: script('suites'),
    needs: 'test',
    missing: () => missingPackages('__test__/suites'),
    count: plainCounts,
    silence: 20 * 60,
  },
  // The first time it compiles the standard library for each target.
  targets: {
    command: script('targets/try', ...usualTargets),
    needs: 'test',
    missing: () => missingToTry(usualTargets),
    count: plainCounts,
    silence: 30 * 60,
  },
  'targets-arm': {
    command: script('targets/try', ...emulatedTargets, '--quick'),
    needs: 'test',
    missing: () => missingToTry(emulatedTargets),
    count: plainCounts,
    silence: 30 * 60,
  },
  // It prints one line for each fault, after a build and the tests, and stops tests that hang itself.
  faults: { command: script('faults'), needs: 'test', count: plainCounts, silence: 30 * 60 },
};

export const checks = Object.entries(list).map(([name, check]) => Object.assign(check, { name }));
