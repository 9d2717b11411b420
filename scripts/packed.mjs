// Runs a tool on edgepoll and on each protocol as they would be published: node scripts/packed.mjs TOOL [OPTION…]

import { readdirSync, rmSync } from 'node:fs';
import { packagesWithAddons } from './lib/addons.mjs';
import { inProject } from './lib/root.mjs';
import { run } from './lib/run.mjs';
import { packOwn } from './lib/pack.mjs';
import { failSetUp } from './lib/toolchain.mjs';
import { readPassedOn, refuseArguments } from './lib/usage.mjs';

const usage = 'node scripts/packed.mjs TOOL [OPTION…], with a tool of node_modules/.bin';
const { first: tool, others: options } = readPassedOn(usage);
// The name becomes a part of the path of a folder that is removed.
if (!readdirSync(inProject('node_modules/.bin')).includes(tool))
  refuseArguments(`node_modules/.bin has no '${tool}'. usage: ${usage}`);
const folder = inProject(`build/packed/${tool}`);
rmSync(folder, { recursive: true, force: true });
const names = packagesWithAddons.map(({ name }) => name);
const packed = await packOwn(folder, names).catch(failSetUp);
for (const { tarball } of packed.filter(({ name }) => names.includes(name))) {
  const { code } = await run(inProject(`node_modules/.bin/${tool}`), [tarball, ...options]);
  if (code !== 0) process.exitCode = code;
}
