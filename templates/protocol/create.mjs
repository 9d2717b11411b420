#!/usr/bin/env node
// Makes the folder of a new protocol: npm create edgepoll-protocol NAME. In a clone of edgepoll, `node templates/protocol/create.mjs NAME
// --local` takes edgepoll and its crates from the clone.

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { formsOf, refusal } from './name.mjs';

const usage = 'usage: npm create edgepoll-protocol NAME';
const here = fileURLToPath(new URL('.', import.meta.url));
const clone = join(here, '../..');

const { name, isLocal } = readArguments();
const reason = refusal(name);
if (reason !== undefined) refuse(`the name '${name}' is refused: ${reason}`);
const folder = `edgepoll-${name}`;
if (existsSync(folder)) refuse(`${folder} exists already`);
if (isLocal && !existsSync(join(clone, 'crates/edgepoll-protocol'))) {
  refuse('--local is for a clone of edgepoll, and this is none');
}

/** Files that have another name in this package: npm leaves out a .gitignore, and a package.json would be taken for that of a package. */
const renamed = { gitignore: '.gitignore', '_package.json': 'package.json' };
const { version } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'));
const published = 'edgepoll-protocol = "edgepoll-version"';
const replacements = [
  ...(isLocal ? [[published, `edgepoll-protocol = ${localCrate()}`]] : []),
  ['edgepoll-version', version],
  ...Object.entries(formsOf(name)),
];
const files = readdirSync(join(here, 'files'), { recursive: true, withFileTypes: true });
for (const file of files.filter((entry) => entry.isFile())) {
  const source = join(file.parentPath, file.name);
  const stored = source.slice(join(here, 'files/').length);
  const path = renamed[stored] ?? stored;
  const target = join(folder, path);
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, fill(readFileSync(source, 'utf8')));
}
if (isLocal) useLocalPackage();
console.log(`${folder} is there. Next: cd ${folder} && npm install && npm test`);

function fill(text) {
  return replacements.reduce(
    (filled, [placeholder, value]) => filled.replaceAll(placeholder, () => value),
    text,
  );
}

function localCrate() {
  const path = JSON.stringify(join(clone, 'crates/edgepoll-protocol'));
  return `{ path = ${path}, version = "${version}" }`;
}

function useLocalPackage() {
  const file = join(folder, 'package.json');
  const manifest = JSON.parse(readFileSync(file, 'utf8'));
  manifest.devDependencies.edgepoll = `file:${clone}`;
  writeFileSync(file, `${JSON.stringify(manifest, undefined, 2)}\n`);
}

function readArguments() {
  try {
    const options = { local: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } };
    const { values, positionals } = parseArgs({ options, allowPositionals: true });
    if (values.help) {
      console.log(usage);
      process.exit(0);
    }
    if (positionals.length !== 1) refuse(usage);
    return { name: positionals[0], isLocal: values.local === true };
  } catch (error) {
    return refuse(`${error.message.split('. ')[0]}. ${usage}`);
  }
}

function refuse(message) {
  console.error(message);
  process.exit(2);
}
