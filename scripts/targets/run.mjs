// Runs JavaScript on a target: node scripts/targets/run.mjs NAME ARGUMENT…, with the arguments of Node.js.

import { failSetUp } from '../lib/toolchain.mjs';
import { run } from '../lib/run.mjs';
import { readPassedOn } from '../lib/usage.mjs';
import { targetsNamed } from './list.mjs';
import { nodeFor } from './runtime.mjs';

async function main() {
  const { first, others } = readPassedOn('node scripts/targets/run.mjs NAME ARGUMENT…');
  const [target] = targetsNamed([first]);
  const { code } = await run(await nodeFor(target), others);
  process.exitCode = code;
}

await main().catch(failSetUp);
