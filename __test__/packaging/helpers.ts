/** A user's project with the packed packages, and programs that import edgepoll in it. */
import { cpSync, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import type { ExecutionContext } from 'ava';

import { folder, root, run } from '../support/process.js';

/** The target of the addon that this clone has built for itself. */
export const target: string =
  readdirSync(join(root, 'native'))
    .map((name) => /^edgepoll\.(.+)\.node$/.exec(name)?.[1])
    .find((name) => name !== undefined) ?? '';

/** Where a staged project has the addon. */
export const addonPath: string = `node_modules/edgepoll-${target}/edgepoll.${target}.node`;

const { stagePackage } = (await import(
  pathToFileURL(join(root, 'scripts/lib/runtimes.mjs')).href
)) as { stagePackage: (place: string) => Promise<void> };
let staged: Promise<string> | undefined;

/** A project with edgepoll and its addon in node_modules, from the packed tarballs. It is removed when the test ends. */
export async function project(t: ExecutionContext): Promise<string> {
  staged ??= stage(join(root, `build/packaging/${process.pid}`));
  const place = folder(t);
  cpSync(await staged, place, { recursive: true });
  return place;
}

async function stage(place: string): Promise<string> {
  await stagePackage(place);
  process.on('exit', () => rmSync(place, { recursive: true, force: true }));
  return place;
}

const program = `
import('edgepoll').then(
  ({ listen }) => console.log('loaded', typeof listen),
  ({ code, message }) => console.log(code + ' ' + message),
)`;

export interface How {
  /** The runtime's executable file; by default the one of the tests. */
  runtime?: string;
  options?: string[];
  env?: NodeJS.ProcessEnv;
}

/** Imports edgepoll in a program of the project. Returns `loaded function`, or the error's code and message. */
export async function imported(
  t: ExecutionContext,
  place: string,
  { runtime = process.execPath, options = [], env = {} }: How = {},
): Promise<string> {
  const file = join(place, 'program.mjs');
  writeFileSync(file, program);
  // The current directory is the project's, for relative paths.
  const inPlace = ['-c', 'cd "$0" && exec "$@"', place, runtime, ...options, file];
  const { code, signal, stdout, stderr } = await run('sh', inPlace, env);
  const warnings = stderr.replaceAll(/^\(.*Warning: .*\n\(Use `node .*\n/gm, '');
  t.deepEqual({ code, signal, warnings }, { code: 0, signal: null, warnings: '' }, stdout);
  t.regex(stdout, /^[^\n]+\n$/, 'the message has one line');
  return stdout.trimEnd();
}

/** Node.js of that major version, which the end-to-end test has installed; `undefined` if it has not. */
export function nodeOf(major: number): string | undefined {
  if (process.versions.node.startsWith(`${major}.`)) return process.execPath;
  const path = `__test__/packages/node_modules/node-${major}-${process.arch}/bin/node`;
  return existsSync(join(root, path)) ? join(root, path) : undefined;
}
