// Measures what importing costs: node scripts/import-time.mjs [RUNS]. Starts programs that import nothing, node:net, or the packed
// edgepoll, in turn, and prints the medians of their processor time and duration from start to end. Processor time is the one to
// compare, because other programs disturb it least. The exit code is 1 if edgepoll takes more than 1.5 times as long as node:net
// and the loading of the addon.

import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { inProject } from './lib/root.mjs';
import { stagePackage } from './lib/runtimes.mjs';
import { failSetUp } from './lib/toolchain.mjs';
import { readArguments, refuseArguments } from './lib/usage.mjs';

const most = 1.5;
const usage = 'node scripts/import-time.mjs [RUNS]';
const runs = Number(readArguments(usage, { most: 1 }).positionals[0] ?? 21);
if (!Number.isInteger(runs) || runs < 1)
  refuseArguments(`RUNS is a number from 1 on. usage: ${usage}`);

const stage = inProject('build/import-time');
await stagePackage(stage).catch(failSetUp);

const programs = {
  nothing: '',
  'node:net': "await import('node:net');",
  edgepoll: "await import('edgepoll');",
  'edgepoll/fd': "await import('edgepoll/fd');",
};
const report = `
  const { user, system } = process.cpuUsage();
  process.stdout.write(String((user + system) / 1000));`;
const dlopen = `
  const { resolve } = await import('node:path');
  const { readdirSync } = await import('node:fs');
  const folder = 'node_modules/' + readdirSync('node_modules').find((name) => name.startsWith('edgepoll-'));
  const file = readdirSync(folder).find((name) => name.endsWith('.node'));
  const before = process.cpuUsage();
  process.dlopen({ exports: {} }, resolve(folder, file));
  const { user, system } = process.cpuUsage(before);
  process.stdout.write(String((user + system) / 1000));`;

function measure(program) {
  const started = performance.now();
  const args = ['--input-type=module', '--eval', program];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: stage });
  if (status !== 0) throw new Error(`a program failed: ${stderr}`);
  return { cpu: Number(stdout), duration: performance.now() - started };
}

const taken = new Map(Object.keys(programs).map((name) => [name, []]));
const loading = [];
for (let run = 0; run < runs; run += 1) {
  for (const [name, program] of Object.entries(programs)) {
    taken.get(name).push(measure(program + report));
  }
  loading.push(measure(dlopen).cpu);
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
const cpu = (name) => median(taken.get(name).map((one) => one.cpu));
const duration = (name) => median(taken.get(name).map((one) => one.duration));
console.log('| imported | processor time of the process | of that, the import | duration |');
console.log('|---|---|---|---|');
for (const name of taken.keys()) {
  const all = [cpu(name), cpu(name) - cpu('nothing'), duration(name)];
  console.log(`| ${name} | ${all.map((ms) => `${ms.toFixed(1)} ms`).join(' | ')} |`);
}
const allowed = most * cpu('node:net') + median(loading);
console.log(`dlopen of the addon: ${median(loading).toFixed(1)} ms`);
console.log(
  `a program with edgepoll takes ${(cpu('edgepoll') / cpu('node:net')).toFixed(2)} times as long as one with node:net`,
);
rmSync(stage, { recursive: true });
process.exitCode = cpu('edgepoll') <= allowed ? 0 : 1;
