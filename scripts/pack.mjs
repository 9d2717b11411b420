// Packs what is published into a folder, and prints the sizes: node scripts/pack.mjs FOLDER [--targets NAME,…]
// Without --targets it packs every platform whose addons are built.

import { targetNames } from './lib/addons.mjs';
import { builtTargets, packInto } from './lib/pack.mjs';
import { explain } from './lib/toolchain.mjs';
import { readArguments, refuseArguments } from './lib/usage.mjs';

const options = { targets: { type: 'string' } };
const usage = 'node scripts/pack.mjs FOLDER [--targets NAME,…]';
const { values, positionals } = readArguments(usage, { options, least: 1 });
const [folder] = positionals;
const targets = chosenTargets();
try {
  const packed = await packInto(folder, targets);
  console.log(`| ${'package'.padEnd(36)} | packed (KB) | unpacked (KB) |`);
  for (const { name, packed: size, unpacked } of packed) {
    const sizes = [kilobytes(size).padStart(11), kilobytes(unpacked).padStart(13)];
    console.log(`| ${name.padEnd(36)} | ${sizes.join(' | ')} |`);
  }
} catch (error) {
  stop(explain(error));
}

function chosenTargets() {
  const names = values.targets?.split(',') ?? builtTargets();
  const unknown = names.filter((name) => !targetNames.includes(name));
  if (unknown.length > 0)
    refuseArguments(`no target is named ${unknown.join()}: ${targetNames.join()}`);
  if (names.length === 0) stop('no addon is built: run `npm run setup`');
  return names;
}

function kilobytes(bytes) {
  return (bytes / 1000).toFixed(1);
}

function stop(message) {
  console.error(`pack: ${message}`);
  process.exit(1);
}
