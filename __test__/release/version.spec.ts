/** scripts/version.mjs keeps one version in all packages, crates and lock files. It runs on a copy of their files. */
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import test from 'ava';
import type { ExecutionContext } from 'ava';

import type { Ended } from '../support/process.js';
import { folder, root, run } from '../support/process.js';

const held = ['package.json', 'package-lock.json', 'Cargo.toml', 'Cargo.lock', 'CHANGELOG.md'];

/** A copy of everything that the script reads. CHANGELOG.md has one unreleased change. */
function copy(t: ExecutionContext): string {
  const target = folder(t);
  for (const name of [...held, 'scripts', 'npm', 'src', 'templates', 'protocols']) {
    const isSource = (path: string): boolean =>
      !/\/(?:node_modules|target|native|dist)$/.test(path);
    cpSync(join(root, name), join(target, name), { recursive: true, filter: isSource });
  }
  writeFileSync(join(target, 'CHANGELOG.md'), '# Changelog\n\n## [Unreleased]\n\n- A change.\n');
  return target;
}

function version(target: string, ...args: string[]): Promise<Ended> {
  return run(process.execPath, [join(target, 'scripts/version.mjs'), ...args]);
}

test('a new version reaches every file, and the changelog', async (t) => {
  const target = copy(t);
  const { code, stdout, stderr } = await version(target, '7.8.9-rc.1');
  t.deepEqual(
    { code, stdout, stderr },
    { code: 0, stdout: 'versions: 7.8.9-rc.1 everywhere\n', stderr: '' },
  );

  const before = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    version: string;
  };
  const platforms = readdirSync(join(target, 'npm')).map((name) => `npm/${name}/package.json`);
  const plugins = ['resp', 'websocket'].map((name) => `protocols/${name}/package.json`);
  for (const name of plugins) {
    const text = readFileSync(join(target, name), 'utf8');
    const { peerDependencies } = JSON.parse(text) as { peerDependencies: object };
    t.deepEqual(peerDependencies, { edgepoll: '^7.8.9-rc.1' }, name);
  }
  for (const name of [
    'package.json',
    'templates/protocol/package.json',
    ...platforms,
    ...plugins,
  ]) {
    const text = readFileSync(join(target, name), 'utf8');
    t.false(text.includes(`"${before.version}"`), name);
    t.is((JSON.parse(text) as { version: string }).version, '7.8.9-rc.1', name);
  }
  const changelog = readFileSync(join(target, 'CHANGELOG.md'), 'utf8');
  t.regex(
    changelog,
    /^# Changelog\n\n## \[Unreleased\]\n\n## \[7\.8\.9-rc\.1\] - \d{4}-\d\d-\d\d\n\n- A change\.\n$/,
  );
});

test('cargo and npm take the changed files as they are', async (t) => {
  const target = copy(t);
  cpSync(join(root, 'crates'), join(target, 'crates'), { recursive: true });
  cpSync(join(root, 'benchmark'), join(target, 'benchmark'), {
    recursive: true,
    filter: (path) => !path.includes('node_modules'),
  });
  t.is((await version(target, '7.8.9')).code, 0);
  const metadata = await run('cargo', [
    'metadata',
    '--locked',
    '--offline',
    '--format-version',
    '1',
    '--no-deps',
    '--manifest-path',
    join(target, 'Cargo.toml'),
  ]);
  t.is(metadata.code, 0, metadata.stderr);
  const { packages } = JSON.parse(metadata.stdout) as { packages: { version: string }[] };
  t.deepEqual([...new Set(packages.map((each) => each.version))], ['7.8.9']);
});

test('a second version goes between the empty section and the first', async (t) => {
  const target = copy(t);
  t.is((await version(target, '7.8.9')).code, 0);
  const path = join(target, 'CHANGELOG.md');
  const empty = await version(target, '7.9.0');
  t.deepEqual(
    [empty.code, empty.stderr],
    [1, 'CHANGELOG.md has nothing under "Unreleased": write first what users notice.\n'],
  );
  writeFileSync(
    path,
    readFileSync(path, 'utf8').replace('[Unreleased]\n', '[Unreleased]\n\n- Another.\n'),
  );
  t.is((await version(target, '7.9.0')).code, 0);
  const sections = Array.from(
    readFileSync(path, 'utf8').matchAll(/^## \[(.*?)\]|^- .*/gm),
    ([line]) => line,
  );
  t.deepEqual(sections, [
    '## [Unreleased]',
    '## [7.9.0]',
    '- Another.',
    '## [7.8.9]',
    '- A change.',
  ]);
});

test('a version lower than the last one is refused', async (t) => {
  const target = copy(t);
  t.is((await version(target, '7.10.0')).code, 0);
  for (const lower of ['7.9.0', '7.10.0-rc.2']) {
    const { code, stderr } = await version(target, lower);
    t.deepEqual([code, stderr], [1, `${lower} is lower than 7.10.0.\n`]);
  }
});

for (const [name, change, message] of [
  [
    'npm/linux-x64-gnu/package.json',
    (text: string) => text.replace(/"version": "[^"]*"/, '"version": "0.0.9"'),
    /^npm\/linux-x64-gnu\/package\.json: 0\.0\.9, and package\.json has \d/m,
  ],
  [
    'Cargo.lock',
    (text: string) => text.replace(/(?<=name = "edgepoll-node"\nversion = ")[^"]*/, '0.0.9'),
    /^Cargo\.lock: 0\.0\.9, and/m,
  ],
  [
    'Cargo.toml',
    (text: string) => text.replace(/(?<=path = "crates\/edgepoll", version = ")[^"]*/, '0.0.9'),
    /^Cargo\.toml: 0\.0\.9, and/m,
  ],
  [
    'CHANGELOG.md',
    (text: string) => `${text}\n## [0.0.9] - 2026-01-01\n`,
    /^CHANGELOG\.md: its newest version is 0\.0\.9, and/m,
  ],
] as const) {
  test(`--check sees another version in ${name}`, async (t) => {
    const target = copy(t);
    const path = join(target, name);
    t.is((await version(target, '--check')).code, 0);
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, change(text));
    const { code, stderr } = await version(target, '--check');
    t.is(code, 1);
    t.regex(stderr, message);
  });
}

test('a tag is compared with the version, and its section of the changelog can be printed', async (t) => {
  const target = copy(t);
  const early = await version(target, '--check', 'v0.1.0');
  t.is(early.code, 1);
  t.regex(early.stderr, /^CHANGELOG\.md has no section for \d/m);

  await version(target, '7.8.9');
  t.is((await version(target, '--check', 'v7.8.9')).code, 0);
  const other = await version(target, '--check', 'v7.9.0');
  t.deepEqual(
    [other.code, other.stderr],
    [1, 'versions:\nthe tag is v7.9.0, and package.json has 7.8.9\n'],
  );
  const { stdout } = await version(target, '--notes', 'v7.8.9');
  t.is(stdout, '- A change.\n');
  const none = await version(target, '--notes', 'v7.9.0');
  t.deepEqual([none.code, none.stderr], [1, 'CHANGELOG.md has no section for 7.9.0.\n']);
});

test('bad arguments are one line, and change nothing', async (t) => {
  const target = copy(t);
  for (const args of [
    [],
    ['v1.2.3'],
    ['1.2'],
    ['01.2.3'],
    ['1.2.3', '4.5.6'],
    ['--chekc'],
    ['--notes'],
    ['--check', '1.2.3'],
  ]) {
    const { code, stdout, stderr } = await version(target, ...args);
    t.deepEqual([code, stdout], [2, ''], args.join(' '));
    t.regex(stderr, /^[^\n]*usage: node scripts\/version\.mjs VERSION [^\n]*\n$/, args.join(' '));
  }
  for (const name of held.filter((each) => each !== 'CHANGELOG.md')) {
    t.is(readFileSync(join(target, name), 'utf8'), readFileSync(join(root, name), 'utf8'));
  }
});
