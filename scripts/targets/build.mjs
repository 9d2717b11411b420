// Builds the addon of targets: npm run build:target -- NAME… | all | --list. A target whose sources have not changed is not
// built again. The result is npm/NAME/edgepoll.NAME.node.

import { copyFileSync, existsSync, mkdirSync, renameSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { dropStamp, fingerprint, readStamp, writeStamp } from '../lib/fingerprint.mjs';
import { inProject } from '../lib/root.mjs';
import { toStdout } from '../lib/run.mjs';
import { must } from '../lib/steps.mjs';
import { failSetUp, SetupError } from '../lib/toolchain.mjs';
import { readArguments, UsageError } from '../lib/usage.mjs';
import { inspect } from './inspect.mjs';
import { addonFile, targets, targetsNamed } from './list.mjs';
import { howItRuns } from './runtime.mjs';
import { cargoFor, installedRust, missingFor } from './toolchain.mjs';

const sources = [
  'crates',
  'Cargo.toml',
  'Cargo.lock',
  ...['list', 'pins', 'toolchain'].map((name) => `scripts/targets/${name}.mjs`),
  'scripts/targets/probe',
];

/** The probe of a target, relative to the project: an addon that panics and catches it. */
export function probeFile({ name }) {
  return `build/targets/${name}/probe.node`;
}

/** Whether the addon of `target` is missing or older than its sources. */
export function isStale(target) {
  return (
    [addonFile(target), probeFile(target)].some((file) => !existsSync(inProject(file))) ||
    readStamp(stampName(target)) !== stampOf(target)
  );
}

/** Builds one target if it is stale, and inspects it. Returns what inspect() found. */
export async function buildTarget(target, say = console.log, output = toStdout) {
  if (isStale(target)) {
    const missing = missingFor(target);
    if (missing !== undefined) throw new SetupError(missing);
    // cargo lets one build at a time into its folder.
    await build(target, say, output);
  }
  return inspect(inProject(addonFile(target)), target);
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
  const crates = ['-p', 'edgepoll-node', '-p', 'edgepoll-probe'];
  const options = ['--locked', '--release', '--target', triple, '--target-dir', folder];
  const advice = "check cargo's messages above (it needs the network once) and run this again";
  await must(program, [...args, ...options, ...crates], output, advice, { env });
  const built = `${folder}/${target.triple}/release`;
  place(`${built}/libedgepoll_node.so`, inProject(addonFile(target)));
  place(`${built}/libedgepoll_probe.so`, inProject(probeFile(target)));
  writeStamp(stampName(target), stamp);
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  say(`targets: ${target.name}: done in ${seconds} s, ${addonFile(target)}`);
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
    const { size, floor } = await buildTarget(target);
    console.log(`targets: ${target.name}: ${size} bytes, ${floor}`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main().catch(failSetUp);
