// The steps that turn a clone into a running package, in their order. Each knows its sources, so
// what is done is skipped. Used by setup.mjs (what is stale) and build.mjs (what is named).

import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { dropStamp, fingerprint, readStamp, writeStamp } from './fingerprint.mjs';
import { sayWhyNotLoaded } from './loader.mjs';
import { inProject } from './root.mjs';
import { run } from './run.mjs';
import { requireRust, SetupError } from './toolchain.mjs';

/** The compiler. Older ones are installed beside it for the types matrix, and node_modules/.bin/tsc may be any of them. */
export const compiler = inProject('node_modules/typescript/bin/tsc');

const compilerSources = ['package-lock.json', 'tsconfig.base.json'];

const addonSources = [
  'crates',
  'Cargo.toml',
  'Cargo.lock',
  'package.json',
  'scripts/lib/loader.mjs',
];

export const steps = {
  install: {
    title: 'npm packages',
    isStale: () => !isInstalled('.'),
    run: (output) => install('.', output),
  },
  native: {
    title: 'native addon (cargo, release)',
    ...stamped('native', addonSources, hasAddon),
    run: buildAddon,
  },
  src: {
    title: 'src -> dist',
    ...stamped('src', [...compilerSources, 'tsconfig.json', 'src', 'native/binding.d.ts'], () =>
      existsSync(inProject('dist/index.js')),
    ),
    run: (output) => compile('tsconfig.json', 'dist', output),
  },
  dts: {
    title: 'index.d.ts, fd.d.ts, epoll.d.ts',
    run: (output) => must('node', ['scripts/dts.mjs'], output),
  },
  examples: {
    title: 'examples -> build/examples',
    ...stamped(
      'examples',
      [
        ...compilerSources,
        'tsconfig.examples.json',
        'examples',
        'index.d.ts',
        'fd.d.ts',
        'epoll.d.ts',
      ],
      () => existsSync(inProject('build/examples')),
    ),
    run: (output) => compile('tsconfig.examples.json', 'build/examples', output),
  },
  test: {
    title: '__test__ -> build/__test__',
    ...stamped(
      'test',
      [
        ...compilerSources,
        'tsconfig.test.json',
        '__test__',
        'index.d.ts',
        'fd.d.ts',
        'epoll.d.ts',
        'src',
      ],
      () => existsSync(inProject('build/__test__')),
    ),
    run: (output) => compile('tsconfig.test.json', 'build/__test__', output),
  },
};

/** Whether every package that `folder`'s lock file asks for is there in its version. */
export function isInstalled(folder) {
  const installed = inProject(`${folder}/node_modules/.package-lock.json`);
  if (!existsSync(installed)) return false;
  const have = packagesIn(installed);
  return Object.entries(packagesIn(inProject(`${folder}/package-lock.json`))).every(
    // Optional packages are those of other platforms; theirs move with a package that is not.
    ([path, { optional, version }]) => path === '' || optional || have[path]?.version === version,
  );
}

/**
 * Installs what the lock file says, without install scripts: no package that we use needs one.
 * Not `npm ci`: that first deletes what programs still running may be about to import.
 */
export function install(folder, output) {
  const options = ['--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  return must('npm', ['install', ...options], output, { cwd: inProject(folder) });
}

function packagesIn(path) {
  return JSON.parse(readFileSync(path, 'utf8')).packages;
}

function stamped(name, sources, isThere) {
  return {
    isStale: () => !isThere() || readStamp(name) !== fingerprint(sources),
    begin: () => dropStamp(name),
    // Taken after the run: a step may complete a source, as cargo does with Cargo.lock.
    finish: () => writeStamp(name, fingerprint(sources)),
  };
}

function hasAddon() {
  const folder = inProject('native');
  return (
    existsSync(`${folder}/binding.js`) && readdirSync(folder).some((name) => name.endsWith('.node'))
  );
}

async function buildAddon(output, { locked }) {
  requireRust();
  const files = ['--js', 'binding.js', '--dts', 'binding.d.ts', '--no-const-enum', '-o', 'native'];
  const crate = [
    '--manifest-path',
    'crates/edgepoll-node/Cargo.toml',
    '--package',
    'edgepoll-node',
  ];
  const cargo = locked ? ['--', '--locked'] : [];
  await must(
    bin('napi'),
    ['build', ...crate, '--platform', '--release', '--esm', ...files, ...cargo],
    output,
  );
  sayWhyNotLoaded(inProject('native/binding.js'));
}

/** Compiles beside the old result and swaps, so that nothing deleted lives on in it. */
async function compile(project, folder, output) {
  const fresh = inProject(`build/.new/${folder}`);
  rmSync(fresh, { recursive: true, force: true });
  await must(process.execPath, [compiler, '-p', project, '--outDir', fresh], output);
  mkdirSync(dirname(inProject(folder)), { recursive: true });
  rmSync(inProject(folder), { recursive: true, force: true });
  renameSync(fresh, inProject(folder));
}

/** Runs a program that has to succeed. */
export async function must(command, args, output, options = {}) {
  const { code, text } = await run(command, args, { output, ...options });
  if (code !== 0) {
    const shown = [command.split('/').at(-1), ...args].join(' ');
    throw new SetupError(
      `this failed with code ${code}: ${shown}${text === '' ? '' : `\n${text}`}`,
    );
  }
}

function bin(name) {
  return inProject(`node_modules/.bin/${name}`);
}
