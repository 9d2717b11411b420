// Runs in the faulty copy. Builds the addon there, and runs tests against it. Arguments: the spec, and how the titles of the tests begin.

import { spawnSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { inProject } from '../lib/root.mjs';
import { readArguments } from '../lib/usage.mjs';
import { runSpec } from './spec.mjs';

const usage = 'node scripts/faults/native.mjs SPEC TITLE';
const [file, title] = readArguments(usage, { least: 2 }).positionals;
const addon = `${process.cwd()}/edgepoll.node`;
const build = spawnSync('cargo', ['build', '--locked', '-p', 'edgepoll-node'], {
  stdio: 'inherit',
});
if (build.status !== 0) process.exit(2);
copyFileSync(`${process.env.CARGO_TARGET_DIR}/debug/libedgepoll_node.so`, addon);
runSpec(inProject('.'), file, title, { EDGEPOLL_ADDON: addon });
