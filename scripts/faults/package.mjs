// Runs in the faulty copy. Compiles src/ there, and runs tests against it, which import edgepoll by its name: in the copy that is the
// copy. Arguments: the spec, and how the titles of the tests begin.

import { spawnSync } from 'node:child_process';
import { compiler } from '../lib/steps.mjs';
import { readArguments } from '../lib/usage.mjs';
import { runSpec } from './spec.mjs';

const usage = 'node scripts/faults/package.mjs SPEC TITLE';
const [file, title] = readArguments(usage, { least: 2 }).positionals;
// Not checked: with a fault, something may be unused.
const args = [compiler, '-p', 'tsconfig.json', '--noCheck', '--noEmitOnError', 'false'];
const build = spawnSync(process.execPath, args, { stdio: 'inherit' });
if (build.status !== 0) process.exit(2);
runSpec(process.cwd(), file, title);
