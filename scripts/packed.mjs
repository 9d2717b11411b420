// Runs a tool on the package as it would be published: node scripts/packed.mjs TOOL [OPTION…]

import { rmSync } from 'node:fs';
import { inProject } from './lib/root.mjs';
import { run } from './lib/run.mjs';
import { packOwn } from './lib/pack.mjs';
import { failSetUp } from './lib/toolchain.mjs';

const [tool, ...options] = process.argv.slice(2);
if (tool === undefined) {
  console.error('name a tool in node_modules/.bin. usage: node scripts/packed.mjs TOOL [OPTION…]');
  process.exit(2);
}
const folder = inProject(`build/packed/${tool}`);
rmSync(folder, { recursive: true, force: true });
const packed = await packOwn(folder).catch(failSetUp);
const { tarball } = packed.at(-1);
const { code } = await run(inProject(`node_modules/.bin/${tool}`), [tarball, ...options]);
process.exitCode = code;
