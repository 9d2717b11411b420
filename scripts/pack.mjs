// Packs what is published into a folder, and prints the sizes: node scripts/pack.mjs FOLDER [--targets NAME,…]
// Without --targets it packs every platform whose addon is built.

import { parseArgs } from 'node:util';
import { builtTargets, packInto, targetNames } from './lib/pack.mjs';
import { explain } from './lib/toolchain.mjs';

const usage = 'usage: node scripts/pack.mjs FOLDER [--targets NAME,…]';
const { folder, targets } = readArguments();
try {
  const packed = await packInto(folder, targets);
  console.log(`| ${'package'.padEnd(28)} | packed (KB) | unpacked (KB) |`);
  for (const { name, packed: size, unpacked } of packed) {
    const sizes = [kilobytes(size).padStart(11), kilobytes(unpacked).padStart(13)];
    console.log(`| ${name.padEnd(28)} | ${sizes.join(' | ')} |`);
  }
} catch (error) {
  stop(explain(error), 1);
}

function readArguments() {
  try {
    const options = { targets: { type: 'string' } };
    const { values, positionals } = parseArgs({ options, allowPositionals: true });
    const [place, ...more] = positionals;
    if (place === undefined || more.length > 0) stop(usage, 2);
    const names = values.targets?.split(',') ?? builtTargets();
    const unknown = names.filter((name) => !targetNames.includes(name));
    if (unknown.length > 0) stop(`no target is named ${unknown.join()}: ${targetNames.join()}`, 2);
    if (names.length === 0) stop('no addon is built: run `npm run build:native`', 1);
    return { folder: place, targets: names };
  } catch (error) {
    return stop(`${error.message}. ${usage}`, 2);
  }
}

function kilobytes(bytes) {
  return (bytes / 1000).toFixed(1);
}

function stop(message, code) {
  console.error(`pack: ${message}`);
  process.exit(code);
}
