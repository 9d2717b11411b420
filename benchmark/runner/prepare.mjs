// Builds and installs what will be measured, and skips what is there.

import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './children.mjs';

export const BENCHMARK = fileURLToPath(new URL('..', import.meta.url));
export const ROOT = path.dirname(path.resolve(BENCHMARK));

/** @typedef {'buffers' | 'floor' | 'guarded' | 'hostile' | 'load' | 'readiness' | 'well_behaved'} Program */

/**
 * Builds Rust programs.
 * @template {Program} Name
 * @param {readonly Name[]} names
 * @returns {Promise<Record<Name, string>>} their paths
 */
export async function buildPrograms(names) {
  console.error(`building ${names.join(', ')} (release)`);
  const output = await run(
    'cargo',
    [
      'build',
      '--release',
      '--package',
      'edgepoll-benchmark',
      ...names.flatMap((name) => ['--bin', name]),
      '--message-format=json-render-diagnostics',
    ],
    ROOT,
  );
  /** @type {Partial<Record<Name, string>>} */
  const programs = {};
  for (const line of output.split('\n')) {
    if (line === '') continue;
    const message = JSON.parse(line);
    const name = names.find((program) => program === message.target?.name);
    if (message.reason === 'compiler-artifact' && message.executable && name)
      programs[name] = message.executable;
  }
  const missing = names.filter((name) => programs[name] === undefined);
  if (missing.length > 0) throw new Error(`cargo did not say where it put ${missing.join(', ')}`);
  return /** @type {Record<Name, string>} */ (programs);
}

/**
 * The path of the program of a runtime that npm installed. It is started directly, without the package's launcher, which
 * needs install scripts and would serve from a process of its own.
 * @param {'bun' | 'deno'} name
 */
export function runtimePath(name) {
  const arm = process.arch === 'arm64';
  return name === 'bun'
    ? path.join(
        BENCHMARK,
        'node_modules/@oven',
        arm ? 'bun-linux-aarch64' : 'bun-linux-x64',
        'bin/bun',
      )
    : path.join(
        BENCHMARK,
        'node_modules/@deno',
        arm ? 'linux-arm64-glibc' : 'linux-x64-glibc',
        'deno',
      );
}

/** @typedef {'bun' | 'deno' | 'epoll' | 'echarts' | 'ws'} Pinned a package that package.json pins */

/** @param {Pinned} name */
function isInstalled(name) {
  return existsSync(
    name === 'bun' || name === 'deno'
      ? runtimePath(name)
      : path.join(BENCHMARK, 'node_modules', name, 'package.json'),
  );
}

/** @param {Pinned[]} wanted */
export async function installPackages(wanted) {
  if (wanted.every(isInstalled)) return;
  console.error(`installing ${wanted.join(' and ')} in benchmark/node_modules`);
  // Not `npm ci`: it refuses the whole lock file when a registry lacks the build for one foreign platform.
  await run(
    'npm',
    ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund'],
    BENCHMARK,
  );
  for (const name of wanted) {
    if (!isInstalled(name))
      throw new Error(
        `npm has no ${name} for ${process.platform} ${process.arch}; leave it out with --only`,
      );
  }
}

/**
 * Compiles npm's epoll, a C++ addon. If that fails, everything else is measured all the same.
 * @returns {Promise<string | undefined>} why it cannot be measured; undefined when it can
 */
export async function buildNpmEpoll() {
  const loads = () => run(process.execPath, ['-e', "require('epoll')"], BENCHMARK, 'ignore');
  try {
    await loads();
    return undefined;
  } catch {
    console.error('building npm epoll (node-gyp)');
  }
  try {
    await run('npm', ['run', 'build:epoll'], BENCHMARK, 'inherit', headers());
    await loads();
    return undefined;
  } catch (error) {
    return `npm epoll is NOT MEASURED: it could not be built here (${/** @type {Error} */ (error).message}).`;
  }
}

/** Lets node-gyp use the headers beside this Node.js, if they are there, instead of downloading them. */
function headers() {
  const prefix = path.dirname(path.dirname(process.execPath));
  const there = existsSync(path.join(prefix, 'include/node/node_api.h'));
  return there ? { npm_config_nodedir: prefix } : {};
}

export const EXAMPLE = path.join(ROOT, 'build/examples/echo.js');

/** Builds the package and its examples when they are missing. */
export async function buildPackage() {
  const native = path.join(ROOT, 'native');
  const complete =
    existsSync(EXAMPLE) &&
    existsSync(native) &&
    readdirSync(native).some((file) => file.endsWith('.node'));
  if (complete) return;
  console.error('building edgepoll (npm run build)');
  await run('npm', ['run', 'build'], ROOT);
  if (!existsSync(EXAMPLE))
    throw new Error(
      'npm run build did not make build/examples/echo.js; leave edgepoll out with --only',
    );
}

/** Builds the plug-in that answers commands in Rust. */
export async function buildStore() {
  console.error('building the example store of edgepoll-resp (release)');
  const what = ['--package', 'edgepoll-resp', '--example', 'store', '--features', 'store'];
  await run('cargo', ['build', '--release', ...what], ROOT);
}
