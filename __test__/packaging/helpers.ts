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
)) as {
  stagePackage: (place: string, others: object, on: undefined, names: string[]) => Promise<void>;
};
const staged = new Map<string, Promise<string>>();

/**
 * A project with edgepoll and its addon in node_modules, from the packed tarballs, and with the packages `plugins` and theirs. It is removed
 * when the test ends.
 */
export async function project(t: ExecutionContext, plugins: string[] = []): Promise<string> {
  const names = ['edgepoll', ...plugins];
  const key = names.join('+');
  if (!staged.has(key)) {
    staged.set(key, stage(join(root, `build/packaging/${process.pid}-${key}`), names));
  }
  const place = folder(t);
  cpSync((await staged.get(key)) as string, place, { recursive: true });
  return place;
}

async function stage(place: string, names: string[]): Promise<string> {
  await stagePackage(place, {}, undefined, names);
  process.on('exit', () => rmSync(place, { recursive: true, force: true }));
  return place;
}

const program = (name: string, exported: string): string => `
import('${name}').then(
  ({ ${exported} }) => console.log('loaded', typeof ${exported}),
  ({ code, message }) => console.log(code + ' ' + message),
)`;

export interface How {
  /** The runtime's executable file; by default the one of the tests. */
  runtime?: string;
  options?: string[];
  env?: NodeJS.ProcessEnv;
  /** The package that is imported, by default edgepoll, and a function of it. */
  from?: string;
  exported?: string;
}

/** Imports a package in a program of the project. Returns `loaded function`, or the error's code and message. */
export async function imported(
  t: ExecutionContext,
  place: string,
  {
    runtime = process.execPath,
    options = [],
    env = {},
    from = 'edgepoll',
    exported = 'listen',
  }: How = {},
): Promise<string> {
  const file = join(place, 'program.mjs');
  writeFileSync(file, program(from, exported));
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
