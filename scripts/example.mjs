// Runs one example: npm run --silent example -- NAME [options]. Builds what is stale, then imports the example into this
// process, so that the pid it prints is the one that serves. Stdout and stdin belong to the example.

import { readdirSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { inProject } from './lib/root.mjs';
import { failSetUp } from './lib/toolchain.mjs';
import { readPassedOn, refuseArguments } from './lib/usage.mjs';
import { setUp, toRunExamples } from './setup.mjs';

const names = readdirSync(inProject('examples'))
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.slice(0, -'.ts'.length))
  .toSorted();
const usage = `npm run --silent example -- NAME [options], where NAME is ${names.join(', ')}`;
const { first: name, others: args } = readPassedOn(usage);
if (!names.includes(name)) refuseArguments(`There is no example '${name}'. usage: ${usage}`);

await setUp(toRunExamples, { quiet: true }).catch(failSetUp);

const script = inProject(`build/examples/${name}.js`);
process.argv = [process.argv[0], script, ...args];
await import(pathToFileURL(script).href);
