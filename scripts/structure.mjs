// Checks the shape of the source: no file is longer than 600 lines, no modules of a crate use each other in a circle,
// and no files of src/ import each other in a circle, except the circles listed below with a reason. Circles of src/
// that exist at run time are refused by oxlint (import/no-cycle); here, imports of types count too.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { inProject } from './lib/root.mjs';

const mostLines = 600;
const checkedForLength = ['src', 'crates', 'scripts', 'benchmark', 'examples', '__test__'];

/** The circles that may stay, each with its reason. A listed circle that is gone is an error too. */
const allowed = {
  'src: connections/connection, connections/connection-core, connections/connection-inspect, connections/connection-late, connections/dispatch, connections/event-sink, connections/owner, connections/reactor':
    'types only: a connection has an owner, the owner has the reactor, and the reactor has a table of its connections',
  'src: fd/owned, fd/ready, fd/waiting, fd/write-all':
    'types only: a descriptor has methods that wait and write, and these files name the type of the descriptor',
  'src: readiness/entry, readiness/registration':
    'types only: a registration and the entry that its poller keeps for it refer to each other',
};

const wrong = checkedForLength.flatMap(tooLong);
const standing = [
  ...circles('src', importsOf('src')),
  ...['edgepoll', 'edgepoll-node'].flatMap((crate) => {
    const folder = `crates/${crate}/src`;
    return circles(folder, usesOf(folder));
  }),
];
for (const circle of standing) if (!(circle in allowed)) wrong.push(`a circle in ${circle}`);
for (const circle of Object.keys(allowed)) {
  if (!standing.includes(circle))
    wrong.push(`this circle is gone, remove it from the list: ${circle}`);
}
for (const line of wrong) console.error(`structure: ${line}`);
if (wrong.length > 0) process.exit(1);
console.log(
  `structure: no file over ${mostLines} lines, ${standing.length} circles, all of them listed`,
);

/** The source files below `folder`, relative to it. */
function sources(folder, extension = /\.(ts|mts|mjs|rs|py)$/) {
  return readdirSync(inProject(folder), { recursive: true }).filter(
    (file) => extension.test(file) && !file.includes('node_modules/'),
  );
}

function read(...names) {
  return readFileSync(inProject(path.join(...names)), 'utf8');
}

function tooLong(folder) {
  return sources(folder).flatMap((file) => {
    const lines = read(folder, file).split('\n').length - 1;
    return lines > mostLines
      ? [`${folder}/${file} has ${lines} lines, more than ${mostLines}`]
      : [];
  });
}

/** What each TypeScript file imports, types included: a Map from file to Set of files. */
function importsOf(folder) {
  const imported = /^(?:import|export)\b[^;]*?\bfrom '(\.[^']+)\.js'/gm;
  return new Map(
    sources(folder, /\.ts$/).map((file) => {
      const own = read(folder, file).matchAll(imported);
      const files = Array.from(own, ([, name]) => path.join(path.dirname(file), name));
      return [file.replace(/\.ts$/, ''), new Set(files)];
    }),
  );
}

/**
 * What each module of a crate uses. A module and the modules inside it may use each other, as Rust intends: a submodule
 * sees the private items of its parent. Unit tests at the end of a file are not read.
 */
function usesOf(folder) {
  const files = sources(folder, /\.rs$/);
  const nameOf = (file) => file.replace(/(^|\/)(mod|lib)\.rs$|\.rs$/, '');
  const modules = new Set(files.map(nameOf));
  return new Map(
    files.map((file) => {
      const own = nameOf(file);
      const text = read(folder, file)
        .replace(/^#\[cfg\(test\)\]\nmod tests \{[^]*/m, '')
        .replace(/\/\/.*$/gm, '');
      const inside = (outer, inner) => outer === '' || inner.startsWith(`${outer}/`);
      const uses = pathsIn(text)
        .map((words) => moduleOf(words, own, modules))
        .filter((used) => used !== own && !inside(used, own) && !inside(own, used));
      return [own, new Set(uses)];
    }),
  );
}

/** Every path that begins with `crate`, `super` or `self`, as words; `a::{b, c}` is two of them. */
function pathsIn(text) {
  const flat = text.replace(/\s*(::|[{},])\s*/g, '$1');
  return [...flat.matchAll(/\b(?:crate|super|self)::[\w:]*(\{(?:[^{}]|\{[^{}]*\})*\})?/g)].flatMap(
    ([found, group]) => {
      const base = found.slice(0, found.length - (group?.length ?? 0)).split('::');
      const names = group?.slice(1, -1).match(/(?:[^,{}]|\{[^{}]*\})+/g) ?? [''];
      return names.map((name) => [...base, ...name.split('::')].filter((word) => word !== ''));
    },
  );
}

/** The module in which `words`, seen from the module `own`, ends. */
function moduleOf(words, own, modules) {
  const place = words[0] === 'crate' || own === '' ? [] : own.split('/');
  for (const word of words) {
    if (word === 'super') place.pop();
    else if (modules.has([...place, word].join('/'))) place.push(word);
    else if (word !== 'crate' && word !== 'self') break;
  }
  return place.join('/');
}

/** Sets of nodes each of which reaches all others of its set, as text. */
function circles(folder, graph) {
  const reached = new Map([...graph.keys()].map((node) => [node, reach(graph, node)]));
  const sets = [...graph.keys()].map((node) =>
    [...reached.get(node)].filter((other) => reached.get(other)?.has(node)).toSorted(byName),
  );
  return [
    ...new Set(sets.filter((set) => set.length > 1).map((set) => `${folder}: ${set.join(', ')}`)),
  ];
}

function byName(a, b) {
  return a.localeCompare(b);
}

function reach(graph, from) {
  const seen = new Set();
  const waiting = [from];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    for (const next of graph.get(node) ?? []) {
      if (!seen.has(next)) waiting.push(next);
      seen.add(next);
    }
  }
  return seen;
}
