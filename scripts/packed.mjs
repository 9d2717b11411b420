// Runs a tool on the package as it would be published: node scripts/packed.mjs TOOL [OPTION…]

import { mkdirSync, rmSync } from 'node:fs';
import { inProject } from './lib/root.mjs';
import { run } from './lib/run.mjs';
import { pack } from './lib/runtimes.mjs';
import { failSetUp } from './lib/toolchain.mjs';

const [tool, ...options] = process.argv.slice(2);
const folder = inProject(`build/packed/${tool}`);
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const tarball = await pack(folder).catch(failSetUp);
const { code } = await run(inProject(`node_modules/.bin/${tool}`), [tarball, ...options]);
process.exitCode = code;
