/** What the documents refer to exists: linked files and their headings, and paths of this repository in running text. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

import test from 'ava';

import { root } from '../support/process.js';

const top = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md'];
const inDocs = readdirSync(join(root, 'docs'))
  .filter((name) => name.endsWith('.md'))
  .map((name) => `docs/${name}`);
const documents = [...top, ...inDocs];

/** A document without its blocks of code. */
function prose(name: string): string {
  return readFileSync(join(root, name), 'utf8').replaceAll(/^```.*?^```$/gms, '');
}

/** The targets of the links of a document that lead to files of the repository. */
function linksOf(name: string): { file: string; heading: string | undefined }[] {
  const targets = Array.from(prose(name).matchAll(/\]\(([^)\s]+)\)/g), ([, target = '']) => target);
  return targets
    .filter((target) => !/^\w+:/.test(target))
    .map((target) => {
      const [path = '', heading] = target.split('#');
      return { file: path === '' ? name : normalize(join(dirname(name), path)), heading };
    });
}

/** The anchors of a document's headings, as GitHub makes them. */
function anchors(name: string): Set<string> {
  const titles = Array.from(prose(name).matchAll(/^#+ (.*)$/gm), ([, title = '']) => title);
  return new Set(
    titles.map((title) =>
      title
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\- _]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

test('each link leads to a file, and to a heading in it', (t) => {
  for (const name of documents) {
    for (const { file, heading } of linksOf(name)) {
      t.true(existsSync(join(root, file)), `${name}: ${file}`);
      if (heading !== undefined) t.true(anchors(file).has(heading), `${name}: ${file}#${heading}`);
    }
  }
});

test('each document is linked from README.md or docs/README.md', (t) => {
  const linked = new Set(
    ['README.md', 'docs/README.md'].flatMap((name) => linksOf(name).map(({ file }) => file)),
  );
  const missing = documents.filter((name) => name !== 'README.md' && !linked.has(name));
  t.deepEqual(missing, []);
});

const folders = [
  '.ci',
  '__test__',
  'benchmark',
  'crates',
  'docs',
  'examples',
  'npm',
  'protocols',
  'scripts',
  'src',
  'templates',
];

/** Every file and folder of the repository, with a slash before it. */
function everything(): string[] {
  const paths = readdirSync(root).map((name) => `/${name}`);
  const addBelow = (folder: string): void => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      if (entry.name === 'node_modules' || entry.name === 'target') continue;
      const path = `${folder}/${entry.name}`;
      paths.push(`/${path}`);
      if (entry.isDirectory()) addBelow(path);
    }
  };
  for (const folder of folders) addBelow(folder);
  return paths;
}

/** Made by the build, and so not in a fresh clone. `NAME` in a path stands for any name. */
const built = /^(?:build|dist|native|target)(?:\/|$)/;

/** The words in `code` spans that look like paths: they begin with a folder of the repository, or end as its files do. */
function pathsOf(name: string): string[] {
  const spans = Array.from(prose(name).matchAll(/`([^`\n]+)`/g), ([, span = '']) => span);
  const words = spans.flatMap((span) => span.split(/[\s,;()]+/)).flatMap(alternatives);
  return words.filter(
    (word) =>
      /^[\w@.][\w@.\-/]*$/.test(word) &&
      (folders.some((folder) => word.startsWith(`${folder}/`)) ||
        /\w\.(?:ts|rs|mjs|toml|md|json|svg)$/.test(word)),
  );
}

/** `{a,b}/c` stands for `a/c` and `b/c`. */
function alternatives(word: string): string[] {
  const found = /^(.*?)\{([^}]*)\}(.*)$/.exec(word);
  if (found === null) return [word];
  const [, before = '', choices = '', after = ''] = found;
  return choices.split(',').flatMap((choice) => alternatives(before + choice + after));
}

test('each path in the text is a file or a folder of the repository', (t) => {
  const all = everything();
  const paths = documents.flatMap((name) =>
    pathsOf(name)
      .filter((path) => !built.test(path) && !path.includes('NAME'))
      .map((path) => ({ name, path })),
  );
  t.true(paths.length > 100, `only ${paths.length} paths found`);
  // A document may leave out the folders in front that its text has named.
  const missing = paths.filter(({ path }) => {
    const end = `/${path.replace(/\/$/, '')}`;
    return !all.some((file) => file.endsWith(end));
  });
  t.deepEqual(missing, []);
});

/** The text of every TypeScript test and of every Rust file, where the core's tests are. */
function testTexts(): string {
  const texts: string[] = [];
  for (const base of ['__test__', 'crates/edgepoll', 'crates/edgepoll-node']) {
    for (const name of readdirSync(join(root, base), { recursive: true, encoding: 'utf8' })) {
      if (/\.(?:ts|rs)$/.test(name)) texts.push(readFileSync(join(root, base, name), 'utf8'));
    }
  }
  return texts.join('\n');
}

test('each test that docs/hazards.md names is there', (t) => {
  const all = testTexts();
  const rows = prose('docs/hazards.md').matchAll(/^\|[^|]*\|([^|]*)\|[^|]*\|[^|]*\|$/gm);
  const spans = Array.from(rows, ([, cell = '']) => [...cell.matchAll(/`([^`]+)`/g)]).flat();
  // A title ends with … where the rest is left out, and may be made from a template before that.
  const titles = spans.map(([, span = '']) => span.replace(/…$/, ''));
  const known = titles.filter((title) => !title.includes('/') && !title.endsWith('()'));
  t.true(known.length > 100);
  const missing = known.filter(
    (title) => !all.includes(title.trim()) && !all.includes(title.split(/[:…]/)[0] ?? ''),
  );
  t.deepEqual(missing, []);
});

test('each npm script that a document names is in its package.json', (t) => {
  const scriptsOf = (file: string): object => {
    const text = readFileSync(join(root, file), 'utf8');
    return (JSON.parse(text) as { scripts: object }).scripts;
  };
  const own = scriptsOf('package.json');
  const ofTemplate = scriptsOf('templates/protocol/files/_package.json');
  let count = 0;
  for (const name of documents) {
    const text = readFileSync(join(root, name), 'utf8');
    for (const [, script = ''] of text.matchAll(/npm run (?:--silent )?([\w:-]+)/g)) {
      count += 1;
      const isThere =
        Object.hasOwn(own, script) ||
        (name === 'docs/protocols.md' && Object.hasOwn(ofTemplate, script));
      t.true(isThere, `${name}: npm run ${script}`);
    }
  }
  t.true(count > 10);
});
