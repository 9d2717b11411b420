// Makes the programs of README.md, docs/*.md and protocols/*/README.md ready to run: node scripts/doc-programs.mjs FOLDER.
// It writes each program to FOLDER, compiles TypeScript to JavaScript and C to an executable file, and writes
// the list of the programs to FOLDER/programs.json.

import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { docPrograms, writePrograms } from './lib/doc-programs.mjs';
import { must } from './lib/steps.mjs';
import { readArguments, refuseArguments } from './lib/usage.mjs';

const usage = 'node scripts/doc-programs.mjs FOLDER';
const folder = resolve(readArguments(usage, { least: 1 }).positionals[0]);
if (!mayBeReplaced())
  refuseArguments(`${folder} has something else in it: name a new folder. usage: ${usage}`);

const programs = docPrograms();
await writePrograms(folder, programs);
for (const { name, file } of programs.filter((program) => program.file.endsWith('.c'))) {
  const strict = ['-Wall', '-Wextra', '-Werror'];
  await must('cc', [...strict, '-o', `${folder}/${name}`, `${folder}/${file}`], 'keep');
}
const list = programs.map(({ name, source, file }) => ({
  name,
  source,
  file: file.replace(/\.ts$/, '.js').replace(/\.c$/, ''),
}));
writeFileSync(`${folder}/programs.json`, JSON.stringify(list));

/** Whether the folder is new or empty, or this script has made it before. Its content is removed. */
function mayBeReplaced() {
  if (!existsSync(folder)) return true;
  if (!statSync(folder).isDirectory()) return false;
  const names = readdirSync(folder);
  return names.length === 0 || names.includes('programs.json');
}
