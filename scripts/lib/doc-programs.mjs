// The programs in README.md, docs/*.md and protocols/*/README.md: finds every block of TypeScript, JavaScript or C, and gives it a
// file name and its text.
//
// An HTML comment before a block names it: `<!-- program: echo -->`. If the block is only a part of a
// program, the comment holds the lines that come before the block:
//
//     <!-- program: modes
//     import { watch } from 'edgepoll';
//     const fd = 0;
//     -->
//
// A block without a name is an error, so that no block is left out by mistake. `<!-- template: FILE -->` is for a block that needs a
// package made from templates/protocol: __test__/protocols/template.spec.ts compares or runs it.

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { protocols } from './addons.mjs';
import { inProject } from './root.mjs';
import { compiler, must } from './steps.mjs';

const fence = /^```(ts|js|c)\n(.*?)^```$/gms;
/** The file name's end for each language. JavaScript in the documents is CommonJS. */
const extensions = { ts: 'ts', js: 'cjs', c: 'c' };
const marker = /<!-- program: ([\w-]+)\n?((?:(?!-->).)*)-->\s*$/s;
const ofTemplate = /<!-- template: \S+ -->\s*$/;

/** Every program: `{ name, source, line, file, text }`, with the line of `source` at which its block begins. */
export function docPrograms() {
  const sources = [
    'README.md',
    ...readdirSync(inProject('docs')).map((name) => `docs/${name}`),
    ...protocols.map((name) => `protocols/${name}/README.md`),
  ];
  const programs = sources.filter((name) => name.endsWith('.md')).flatMap(programsOf);
  const names = programs.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new Error(`two programs of the documents are called ${twice}`);
  return programs;
}

/** Writes programs to a new folder of this project and compiles TypeScript to JavaScript there. */
export async function writePrograms(folder, programs) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const { file, text } of programs) writeFileSync(`${folder}/${file}`, text);
  writeFileSync(
    `${folder}/tsconfig.json`,
    JSON.stringify({ extends: inProject('tsconfig.base.json'), include: ['*.ts'] }),
  );
  await must(process.execPath, [compiler, '-p', folder], 'keep');
}

function programsOf(source) {
  const document = readFileSync(inProject(source), 'utf8');
  const blocks = Array.from(document.matchAll(fence)).filter(
    ({ index }) => !ofTemplate.test(document.slice(0, index)),
  );
  return blocks.map(({ 1: language, 2: body, index }) => {
    const before = document.slice(0, index);
    const line = before.split('\n').length + 1;
    const found = marker.exec(before);
    if (found === null) {
      throw new Error(`${source}:${line}: a block without <!-- program: NAME --> before it`);
    }
    const [, name, preamble] = found;
    const file = `${name}.${extensions[language]}`;
    return { name, source, line, file, text: preamble + body };
  });
}
