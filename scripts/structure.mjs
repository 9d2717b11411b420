// Checks the shape of the source: no file is over 600 lines, and neither modules of a crate nor files of src/ use each other
// in a circle, except the circles listed here. Imports of types count. (oxlint's import/no-cycle checks circles at run time.)

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { inProject } from './lib/root.mjs';
import { readArguments } from './lib/usage.mjs';

readArguments('node scripts/structure.mjs');

const mostLines = 600;

/** The circles that may stay, each with its reason. */
const allowed = {
  'src: connections/closer, connections/connection, connections/connection-core, connections/connection-inspect, connections/connection-late, connections/dispatch, connections/event-sink, connections/incoming, connections/outgoing, connections/owner, connections/reactor, connections/upgrade':
    'types: a reactor and what belongs to it know their connections, and each connection its reactor',
  'src: fd/owned, fd/ready, fd/waiting, fd/write-all':
    'types: a descriptor has methods that wait for it and write to it, and these take the descriptor',
  'src: readiness/entry, readiness/registration':
    'types: an entry holds its registration, and the registration changes its entry',
};

const folders = ['src', 'crates', 'protocols', 'scripts', 'benchmark', 'examples', '__test__'];
const files = folders.flatMap((folder) => sources(folder).map((file) => `${folder}/${file}`));
const tooLong = files.filter((file) => read(file).split('\n').length - 1 > mostLines);
const graphs = {
  src: importsOf('src'),
  'crates/edgepoll/src': usesOf('crates/edgepoll/src'),
  'crates/edgepoll-node/src': usesOf('crates/edgepoll-node/src'),
};
const standing = Object.entries(graphs).flatMap(([folder, graph]) =>
  circles(graph).map((names) => `${folder}: ${names}`),
);
const wrong = [
  ...tooLong.map((file) => `${file} has more than ${mostLines} lines`),
  ...standing.filter((circle) => !(circle in allowed)).map((circle) => `a circle in ${circle}`),
  ...Object.keys(allowed)
    .filter((circle) => !standing.includes(circle))
    .map((circle) => `remove from the list in this script, the circle is gone: ${circle}`),
];
for (const line of wrong) console.error(`structure: ${line}`);
if (wrong.length > 0) process.exit(1);
console.log(
  `structure: ${files.length} files, none over ${mostLines} lines; ${standing.length} listed circles`,
);

/** The source files below `folder`, relative to it. */
function sources(folder, extension = /\.([cm]?[jt]s|rs|py)$/) {
  const names = readdirSync(inProject(folder), { recursive: true });
  return names.filter(
    (name) => extension.test(name) && !/(?:^|\/)(?:node_modules|dist)\//.test(name),
  );
}

function read(file) {
  return readFileSync(inProject(file), 'utf8');
}

/** What each TypeScript file imports: a Map from file to Set of files. */
function importsOf(folder) {
  const imported = /^(?:import|export)\b[^;]*?\bfrom '(\.[^']+)\.js'/gm;
  const entries = sources(folder, /\.ts$/).map((file) => {
    const names = Array.from(read(`${folder}/${file}`).matchAll(imported), ([, name]) => name);
    return [file.replace(/\.ts$/, ''), new Set(names.map((name) => path.join(file, '..', name)))];
  });
  return new Map(entries);
}

/**
 * What each module of a crate uses, without unit tests. A module and the modules inside it may use each other, as Rust
 * intends: a submodule sees the private items of its parent.
 */
function usesOf(folder) {
  const names = sources(folder, /\.rs$/);
  const moduleOf = (file) => file.replace(/(^|\/)(mod|lib)\.rs$|\.rs$/, '');
  const modules = new Set(names.map(moduleOf));
  const isInside = (inner, outer) => outer === '' || `${inner}/`.startsWith(`${outer}/`);
  const entries = names.map((file) => {
    const own = moduleOf(file);
    const code = read(`${folder}/${file}`).replace(/^#\[cfg\(test\)\]\nmod tests \{[^]*/m, '');
    const used = pathsIn(code.replace(/\/\/.*$/gm, '')).map((words) => target(words, own, modules));
    return [own, new Set(used.filter((name) => !isInside(name, own) && !isInside(own, name)))];
  });
  return new Map(entries);
}

/** Every path that begins with `crate`, `super` or `self`, as words. */
function pathsIn(code) {
  let flat = code.replace(/\s*(::|[{},])\s*/g, '$1');
  // `a::{b::{c, d}, e}` is three paths; the inner braces go first.
  const group = /([\w:]*::)\{([^{}]*)\}/g;
  const apart = (_, base, names) =>
    names
      .split(',')
      .map((name) => base + name)
      .join(',');
  while (flat.search(group) >= 0) flat = flat.replace(group, apart);
  const paths = flat.match(/\b(?:crate|super|self)(?:::\w+)+/g) ?? [];
  return paths.map((found) => found.split('::'));
}

/** The module in which a path ends that stands in the module `own`. */
function target(words, own, modules) {
  const place = words[0] === 'crate' || own === '' ? [] : own.split('/');
  for (const word of words) {
    if (word === 'super') place.pop();
    else if (modules.has([...place, word].join('/'))) place.push(word);
    else if (word !== 'crate' && word !== 'self') break;
  }
  return place.join('/');
}

/** Each set of nodes that reach one another, as text. */
function circles(graph) {
  const reached = new Map([...graph.keys()].map((node) => [node, reach(graph, node)]));
  const sets = [...graph.keys()]
    .toSorted((a, b) => a.localeCompare(b))
    .map((node, _, all) =>
      all.filter((other) => reached.get(node).has(other) && reached.get(other).has(node)),
    );
  return [...new Set(sets.filter((set) => set.length > 1).map((set) => set.join(', ')))];
}

function reach(graph, from) {
  const seen = new Set();
  const waiting = [from];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    const next = [...(graph.get(node) ?? [])].filter((other) => !seen.has(other));
    for (const other of next) seen.add(other);
    waiting.push(...next);
  }
  return seen;
}
