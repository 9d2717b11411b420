// The programs in README.md and docs/*.md. One job: find every block of TypeScript or JavaScript and
// give it a file name and its text. Used by types-matrix.mjs, which compiles them, and by
// doc-programs.mjs, which makes them ready to run.
//
// An HTML comment before a block names it: `<!-- program: echo -->`. If the block is only a part of a
// program, the comment has the lines that come before it:
//
//     <!-- program: modes
//     import { watch } from 'edgepoll';
//     const fd = 0;
//     -->
//
// A block without a name is an error, so that no block is left out by mistake.

import { readdirSync, readFileSync } from 'node:fs';
import { inProject } from './root.mjs';

const fence = /^```(ts|js)\n(.*?)^```$/gms;
const marker = /<!-- program: ([\w-]+)\n?((?:(?!-->).)*)-->\s*$/s;

/** Every program: `{ name, source, line, file, text }`; a block `js` is CommonJS, to be run and not compiled. */
export function docPrograms() {
  const sources = ['README.md', ...readdirSync(inProject('docs')).map((name) => `docs/${name}`)];
  const programs = sources.filter((name) => name.endsWith('.md')).flatMap(programsOf);
  const names = programs.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new Error(`two programs of the documents are called ${twice}`);
  return programs;
}

function programsOf(source) {
  const document = readFileSync(inProject(source), 'utf8');
  return Array.from(document.matchAll(fence), ({ 1: language, 2: body, index }) => {
    const before = document.slice(0, index);
    const line = before.split('\n').length + 1;
    const found = marker.exec(before);
    if (found === null) {
      throw new Error(`${source}:${line}: a block without <!-- program: NAME --> before it`);
    }
    const [, name, preamble] = found;
    const file = `${name}.${language === 'ts' ? 'ts' : 'cjs'}`;
    return { name, source, line, file, text: preamble + body };
  });
}
