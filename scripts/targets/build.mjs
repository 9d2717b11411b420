// Builds the addons of targets: npm run build:target -- NAME… | all | --list. A target whose sources have not changed is not
// built again. The results are npm/NAME/PACKAGE.NAME.node, for edgepoll and for each protocol.

import { copyFileSync, existsSync, mkdirSync, renameSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { packagesWithAddons, targetAddon } from '../lib/addons.mjs';
import { dropStamp, fingerprint, readStamp, writeStamp } from '../lib/fingerprint.mjs';
import { protocolCrates } from '../lib/protocols.mjs';
import { inProject } from '../lib/root.mjs';
import { toStdout } from '../lib/run.mjs';
import { must } from '../lib/steps.mjs';
import { failSetUp, SetupError } from '../lib/toolchain.mjs';
import { readArguments, UsageError } from '../lib/usage.mjs';
import { inspectAll } from './inspect.mjs';
import { targets, targetsNamed } from './list.mjs';
import { howItRuns } from './runtime.mjs';
import { cargoFor, installedRust, missingFor } from './toolchain.mjs';

const [edgepoll] = packagesWithAddons;

const sources = [
  'crates',
  ...packagesWithAddons
    .filter(({ folder }) => folder !== '.')
    .flatMap(({ folder }) => [`${folder}/src`, `${folder}/Cargo.toml`]),
  'Cargo.toml',
  'Cargo.lock',
  ...['list', 'pins', 'toolchain'].map((name) => `scripts/targets/${name}.mjs`),
  'scripts/targets/probe',
];

/** The probe of a target, relative to the project: an addon that panics and catches it. */
export function probeFile({ name }) {
  return `build/targets/${name}/probe.node`;
}

/** The probe of protocols for a target, relative to the project: see scripts/lib/protocols.mjs. */
export function protocolProbeFile({ name }) {
  return `build/targets/${name}/protocol-probe.node`;
}

/** Whether an addon of `target` is missing or older than its sources. */
export function isStale(target) {
  const files = packagesWithAddons.map((one) => targetAddon(target.name, one));
  return (
    [...files, probeFile(target), protocolProbeFile(target)].some(
      (file) => !existsSync(inProject(file)),
    ) || readStamp(stampName(target)) !== stampOf(target)
  );
}

/** Builds one target if it is stale, and inspects it. Returns what inspect() found of the addon of each package, edgepoll's first. */
export async function buildTarget(target, say = console.log, output = toStdout) {
  if (isStale(target)) {
    const missing = missingFor(target);
    if (missing !== undefined) throw new SetupError(missing);
    // cargo lets one build at a time into its folder.
    await build(target, say, output);
  }
  return inspectAll(target);
}

async function build(target, say, output) {
  say(`targets: ${target.name} …`);
  const began = performance.now();
  dropStamp(stampName(target));
  // Taken before the build: a source may be edited meanwhile.
  const stamp = stampOf(target);
  const { program, args, env } = await cargoFor(target, say);
  // Targets with the same compiler share what runs while they are built: procedural macros and build scripts.
  const folder = inProject(`target/targets-${target.rust}`);
  const triple = target.glibc === undefined ? target.triple : `${target.triple}.${target.glibc}`;
  const options = ['--locked', '--release', '--target', triple, '--target-dir', folder];
  const advice = "check cargo's messages above (it needs the network once) and run this again";
  // Not at once: the features of the protocols are none of edgepoll's addon.
  for (const crates of [['-p', edgepoll.crate, '-p', 'edgepoll-probe'], protocolCrates]) {
    await must(program, [...args, ...options, ...crates], output, advice, { env });
  }
  const built = `${folder}/${target.triple}/release`;
  for (const one of packagesWithAddons)
    place(`${built}/lib${one.library}.so`, inProject(targetAddon(target.name, one)));
  place(`${built}/libedgepoll_probe.so`, inProject(probeFile(target)));
  place(`${built}/libedgepoll_protocol_probe.so`, inProject(protocolProbeFile(target)));
  writeStamp(stampName(target), stamp);
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  say(`targets: ${target.name}: done in ${seconds} s, in npm/${target.name}/`);
}

/** Puts a file in place whole, because a process may have loaded the old one. */
function place(from, to) {
  mkdirSync(path.dirname(to), { recursive: true });
  copyFileSync(from, `${from}.copy`);
  renameSync(`${from}.copy`, to);
}

function stampName({ name }) {
  return `target-${name}`;
}

function stampOf(target) {
  return `${fingerprint(sources)} ${target.rust === 'installed' ? installedRust() : ''}`.trim();
}

function listText() {
  const rows = targets.map((target) => [
    target.name,
    target.triple,
    target.glibc === undefined ? 'musl' : `glibc ${target.glibc}`,
    target.rust === 'installed' ? 'the installed Rust, zig' : "Debian's Rust with its own std, zig",
    howItRuns(target),
  ]);
  return columns([['target', 'Rust triple', 'floor', 'built with', 'run with'], ...rows]);
}

/** Rows of text in columns. */
export function columns(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (row) => row.map((cell, column) => cell.padEnd(widths[column])).join('  ');
  return rows.map((row) => line(row).trimEnd()).join('\n');
}

async function main() {
  const options = { list: { type: 'boolean' } };
  const usage = 'npm run build:target -- NAME… | all | --list';
  const { values, positionals } = readArguments(usage, { options, most: Infinity });
  if (values.list) {
    console.log(listText());
    return;
  }
  if (positionals.length === 0) throw new UsageError(`usage: ${usage}`);
  for (const target of targetsNamed(positionals)) {
    for (const { name, size, floor } of await buildTarget(target))
      console.log(`targets: ${target.name}: ${name}: ${size} bytes, ${floor}`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main().catch(failSetUp);
