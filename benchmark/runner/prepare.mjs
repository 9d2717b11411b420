// Builds and installs what is about to be measured, and skips what is there. Must never measure. Called by main.mjs.

import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './children.mjs';

export const BENCHMARK = fileURLToPath(new URL('..', import.meta.url));
export const ROOT = path.dirname(path.resolve(BENCHMARK));

/** Builds the Rust programs. @returns {Promise<{ floor: string, load: string }>} where they are */
export async function buildPrograms() {
  console.error('building floor and load (release)');
  const output = await run(
    'cargo',
    [
      'build',
      '--release',
      '--package',
      'edgepoll-benchmark',
      '--bins',
      '--message-format=json-render-diagnostics',
    ],
    ROOT,
  );
  /** @type {Record<string, string>} */
  const programs = {};
  for (const line of output.split('\n')) {
    if (line === '') continue;
    const message = JSON.parse(line);
    if (message.reason === 'compiler-artifact' && message.executable)
      programs[message.target.name] = message.executable;
  }
  const { floor, load } = programs;
  if (!floor || !load) throw new Error('cargo did not say where it put floor and load');
  return { floor, load };
}

/**
 * Where the runtime that npm installed has its program. It is called directly: then neither install scripts nor a
 * launcher in between is needed, and the process that is started is the one that serves.
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

/** @param {('bun' | 'deno')[]} wanted */
export async function installRuntimes(wanted) {
  if (wanted.every((name) => existsSync(runtimePath(name)))) return;
  console.error(`installing ${wanted.join(' and ')} in benchmark/node_modules`);
  // Not `npm ci`: it refuses the whole lock file when a registry lacks the build for one foreign platform.
  await run(
    'npm',
    ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund'],
    BENCHMARK,
  );
  for (const name of wanted) {
    if (!existsSync(runtimePath(name)))
      throw new Error(
        `npm has no ${name} for ${process.platform} ${process.arch}; leave it out with --only`,
      );
  }
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
