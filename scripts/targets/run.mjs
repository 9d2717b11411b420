// Runs JavaScript on a target: node scripts/targets/run.mjs NAME ARGUMENT…, with the arguments of Node.js.

import { failSetUp } from '../lib/toolchain.mjs';
import { run } from '../lib/run.mjs';
import { targetsNamed } from './list.mjs';
import { nodeFor } from './runtime.mjs';

async function main() {
  const [name, ...args] = process.argv.slice(2);
  const [target] = targetsNamed(name === undefined ? [] : [name]);
  const { code } = await run(await nodeFor(target), args);
  process.exitCode = code;
}

await main().catch(failSetUp);
