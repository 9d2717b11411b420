// Looks for weak spots in the workflows of GitHub: node scripts/zizmor.mjs

import { run } from './lib/run.mjs';
import { failSetUp } from './lib/toolchain.mjs';
import { readArguments } from './lib/usage.mjs';
import { zizmorPath } from './lib/zizmor.mjs';

readArguments('node scripts/zizmor.mjs');
const program = await zizmorPath().catch(failSetUp);
const options = ['--offline', '--strict-collection', '--no-progress', '--quiet'];
const { code } = await run(program, [...options, '.github']);
if (code === 0) console.log('zizmor: no findings');
process.exitCode = code === 0 ? 0 : 1;
