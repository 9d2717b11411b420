/** What the tarballs hold, and what a user's node_modules has after the installation. */
import { cpSync, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import test from 'ava';

import { folder, root, run } from '../support/process.js';
import { project, target } from './helpers.js';

interface Description {
  version: string;
  crc32?: string;
  scripts?: object;
  os?: string[];
  private?: boolean;
  sideEffects?: boolean;
  optionalDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
}

const read = (path: string): string => readFileSync(path, 'utf8');
const described = (path: string): Description =>
  JSON.parse(read(join(path, 'package.json'))) as Description;

/** The files below a folder, with their sizes. */
function filesIn(path: string): Map<string, number> {
  const names = readdirSync(path, { recursive: true, encoding: 'utf8' });
  const files = names.filter((name) => statSync(join(path, name)).isFile()).toSorted();
  return new Map(files.map((name) => [name, statSync(join(path, name)).size]));
}

const sum = (sizes: Iterable<number>): number =>
  Array.from(sizes).reduce((total, size) => total + size, 0);

test('edgepoll: bundled modules, one declaration for each entry, and nothing that only a clone needs', async (t) => {
  const place = join(await project(t), 'node_modules/edgepoll');
  t.deepEqual(
    [...filesIn(place).keys()],
    [
      'LICENSE',
      'README.md',
      'dist/epoll/epoll.js',
      'dist/epoll/index.js',
      'dist/fd/index.js',
      'dist/index.js',
      'dist/internal/addon.cjs',
      'dist/internal/epoll.js',
      'dist/internal/load-addon.cjs',
      'dist/internal/rolldown-runtime.js',
      'dist/internal/shared.js',
      'epoll.d.ts',
      'fd.d.ts',
      'index.d.ts',
      'package.json',
    ],
  );
  const { version } = described(root);
  const targets = readdirSync(join(root, 'npm'));
  const packed = described(place);
  t.deepEqual(
    packed.optionalDependencies,
    Object.fromEntries(targets.map((name) => [`edgepoll-${name}`, version])),
  );
  const { scripts, os, private: isPrivate, sideEffects } = packed;
  t.deepEqual(
    { scripts, os, isPrivate, sideEffects },
    { scripts: undefined, os: undefined, isPrivate: undefined, sideEffects: false },
  );
});

for (const name of ['edgepoll-resp', 'edgepoll-websocket']) {
  test(`${name}: one module, declarations, a loader of its own, and its addon for each platform`, async (t) => {
    const modules = join(await project(t, [name]), 'node_modules');
    const files = [...filesIn(join(modules, name)).keys()];
    t.deepEqual(
      files.filter((file) => !file.endsWith('.d.ts')),
      [
        'LICENSE',
        'README.md',
        'dist/index.js',
        'dist/internal/addon.cjs',
        'dist/internal/load-addon.cjs',
        'package.json',
      ],
    );
    t.true(files.includes('dist/index.d.ts'));
    const { version } = described(root);
    const packed = described(join(modules, name));
    const targets = readdirSync(join(root, 'npm'));
    t.deepEqual(
      packed.optionalDependencies,
      Object.fromEntries(targets.map((each) => [`${name}-${each}`, version])),
    );
    t.deepEqual(packed.peerDependencies, { edgepoll: `^${version}` });
    t.deepEqual([packed.scripts, packed.private], [undefined, undefined]);

    const platform = join(modules, `${name}-${target}`);
    t.deepEqual(
      [...filesIn(platform).keys()],
      ['LICENSE', 'README.md', `${name}.${target}.node`, 'package.json'],
    );
    t.regex(described(platform).crc32 ?? '', /^[\da-f]{8}$/);
    const others = /(?<!\/)\bedgepoll\b(?!-(?:resp|websocket)|\/)/;
    t.notRegex(read(join(platform, 'README.md')), others);
  });
}

test('a platform package: the addon, its checksum, and nothing to run', async (t) => {
  const place = join(await project(t), `node_modules/edgepoll-${target}`);
  t.deepEqual(
    [...filesIn(place).keys()],
    ['LICENSE', 'README.md', `edgepoll.${target}.node`, 'package.json'],
  );
  const packed = described(place);
  t.regex(packed.crc32 ?? '', /^[\da-f]{8}$/);
  t.is(packed.scripts, undefined);
  t.is(packed.version, described(root).version);
});

test('the loader requires each target of npm/ by a literal name', (t) => {
  const source = read(join(root, 'src/internal/addon-package.cts'));
  const required = Array.from(
    source.matchAll(/require\('edgepoll-([\w-]+)'\)/g),
    ([, name = '']) => name,
  );
  const listed = source.match(/(?<=^ {2}')linux-[\w-]+(?=',$)/gm) ?? [];
  t.deepEqual(required.toSorted(), listed.toSorted());
  for (const name of readdirSync(join(root, 'npm'))) t.true(required.includes(name), name);
});

test('the bundled modules export what the modules of the clone export, under the same names', async (t) => {
  const place = await project(t);
  for (const path of ['dist/index.js', 'dist/fd/index.js', 'dist/epoll/index.js']) {
    const [ours, theirs] = await Promise.all(
      [root, join(place, 'node_modules/edgepoll')].map(
        async (from) => (await import(pathToFileURL(join(from, path)).href)) as object,
      ),
    );
    const names = (exported: object | undefined): string[] =>
      Object.entries(exported ?? {}).map(
        ([key, value]) => `${key} ${typeof value === 'function' ? value.name : typeof value}`,
      );
    t.deepEqual(names(theirs), names(ours), path);
  }
});

test('the sizes of docs/packaging.md are those of the packages, within a fifth, and all is below 2.5 MB', async (t) => {
  const plugins = ['edgepoll-resp', 'edgepoll-websocket'];
  const modules = join(await project(t, plugins), 'node_modules');
  const edgepoll = filesIn(join(modules, 'edgepoll'));
  const platform = filesIn(join(modules, `edgepoll-${target}`));
  const matching = (pattern: RegExp): number =>
    sum([...edgepoll].filter(([name]) => pattern.test(name)).map(([, size]) => size));
  const sizes: Record<string, number> = {
    JavaScript: matching(/^dist\//),
    types: matching(/\.d\.ts$/),
    'README, licence, description': matching(/^[A-Z]|^package\.json$/),
    '`edgepoll`': sum(edgepoll.values()),
    [`\`edgepoll-${target}\``]: sum(platform.values()),
  };
  for (const name of plugins.flatMap((each) => [each, `${each}-${target}`]))
    sizes[`\`${name}\``] = sum(filesIn(join(modules, name)).values());
  t.true(sum(edgepoll.values()) + sum(platform.values()) < 2_500_000);
  const table = /## What is installed, and sizes\n[^]*?(?=\n## )/.exec(
    read(join(root, 'docs/packaging.md')),
  );
  const rows = [...(table?.[0] ?? '').matchAll(/^\| (.+?) \| ([\d,]+) \|$/gm)];
  const shown = new Map(
    rows.map(([, name = '', size = '']) => [name, Number(size.replace(',', '')) * 1000]),
  );
  for (const [name, size] of Object.entries(sizes)) {
    if (name.includes('-linux-') && !name.includes('x64-gnu')) continue;
    const told = shown.get(name) ?? 0;
    t.true(Math.abs(told - size) < size / 5, `${name}: ${told} in the document, ${size} here`);
  }
});

test('scripts/pack.mjs without dist/ is one line, and makes nothing', async (t) => {
  const clone = folder(t);
  for (const name of ['scripts', 'npm', 'native', 'package.json', 'protocols', 'templates'])
    cpSync(join(root, name), join(clone, name), { recursive: true });
  const tarballs = join(clone, 'tarballs');
  const ended = await run(process.execPath, [join(clone, 'scripts/pack.mjs'), tarballs]);
  t.deepEqual([ended.code, ended.stdout], [1, '']);
  t.is(ended.stderr, 'pack: dist/ is not compiled: run `npm run build:ts`.\n');
  t.false(existsSync(tarballs));
});
