// Makes the programs of README.md and docs/*.md ready to run: node scripts/doc-programs.mjs FOLDER.
// It writes each program to FOLDER, compiles TypeScript to JavaScript and C to an executable file, and writes
// the list of the programs to FOLDER/programs.json.

import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { docPrograms, writePrograms } from './lib/doc-programs.mjs';
import { must } from './lib/steps.mjs';
import { readArguments } from './lib/usage.mjs';

const { positionals } = readArguments('node scripts/doc-programs.mjs FOLDER', { least: 1 });
const folder = resolve(positionals[0]);

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
