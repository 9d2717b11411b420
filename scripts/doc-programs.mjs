// Makes the programs of README.md and docs/*.md ready to run: node scripts/doc-programs.mjs FOLDER.
// It writes each program to FOLDER, compiles TypeScript to JavaScript and C to an executable file, and writes
// the list of the programs to FOLDER/programs.json.

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { docPrograms } from './lib/doc-programs.mjs';
import { inProject } from './lib/root.mjs';
import { compiler, must } from './lib/steps.mjs';

const [target] = process.argv.slice(2);
if (target === undefined) {
  console.error('usage: node scripts/doc-programs.mjs FOLDER');
  process.exit(2);
}
const folder = resolve(target);
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });

const programs = docPrograms();
for (const { file, text } of programs) writeFileSync(`${folder}/${file}`, text);
writeFileSync(
  `${folder}/tsconfig.json`,
  JSON.stringify({ extends: inProject('tsconfig.base.json'), include: ['*.ts'] }),
);
await must(process.execPath, [compiler, '-p', folder], 'keep');
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
