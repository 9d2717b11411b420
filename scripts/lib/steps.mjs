// The steps that turn a clone into a running package, in their order. A step whose
// sources have not changed since its last run is skipped.

import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { dropStamp, fingerprint, readStamp, writeStamp } from './fingerprint.mjs';
import { addLoader } from './loader.mjs';
import {
  addProbe,
  addProtocols,
  hasProtocols,
  plugins,
  protocolCrates,
  protocolSources,
} from './protocols.mjs';
import { inProject } from './root.mjs';
import { run } from './run.mjs';
import { fullDisk, requireRust, SetupError } from './toolchain.mjs';

/** The compiler. Older ones are installed beside it for the types matrix, and node_modules/.bin/tsc may be any of them. */
export const compiler = inProject('node_modules/typescript/bin/tsc');

const compilerSources = ['package-lock.json', 'tsconfig.base.json'];
const declarations = ['index.d.ts', 'fd.d.ts', 'epoll.d.ts'];
const addonSources = ['crates', 'Cargo.toml', 'Cargo.lock', 'package.json'];

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
  src: compiled('src', 'tsconfig.json', 'dist', ['src', 'native/binding.d.ts']),
  dts: {
    title: declarations.join(', '),
    run: (output) => must('node', ['scripts/dts.mjs'], output),
  },
  protocols: {
    title: `${plugins.map(({ name }) => name).join(', ')} (cargo, release; tsc)`,
    ...stamped(
      'protocols',
      [...compilerSources, ...declarations, ...protocolSources],
      hasProtocols,
    ),
    run: buildProtocols,
  },
  examples: compiled('examples', 'tsconfig.examples.json', 'build/examples', [
    'examples',
    ...declarations,
  ]),
  test: compiled('test', 'tsconfig.test.json', 'build/__test__', [
    '__test__',
    'src',
    ...declarations,
  ]),
};

/** Whether every package that `folder`'s lock file asks for is there in its version, and whole. */
export function isInstalled(folder) {
  const installed = inProject(`${folder}/node_modules/.package-lock.json`);
  if (!existsSync(installed) || existsSync(unfinished(folder))) return false;
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
export async function install(folder, output) {
  const mark = unfinished(folder);
  // npm takes a package that it unpacked in part for a whole one.
  if (existsSync(mark)) rmSync(dirname(mark), { recursive: true });
  mkdirSync(dirname(mark), { recursive: true });
  writeFileSync(mark, '');
  const quietly = ['--no-audit', '--no-fund', '--loglevel=error'];
  const options = ['--no-save', '--ignore-scripts', '--prefer-offline', ...quietly];
  const advice = "check the network and npm's messages above, and run this again";
  await must('npm', ['install', ...options], output, advice, { cwd: inProject(folder) });
  // npm does not fail when it cannot write a package.
  if (fullDisk() !== undefined) throw new SetupError('the packages did not fit on the disk');
  rmSync(mark);
}

/** Why the packages of these folders cannot be installed, if they are not; or undefined. */
export function missingPackages(...folders) {
  if (folders.every(isInstalled)) return undefined;
  const { status } = spawnSync('npm', ['ping', '--fetch-retries=0'], { cwd: inProject() });
  return status === 0 ? undefined : `npm reaches no registry to install ${folders.join(' and ')}`;
}

/** A file that is there while npm installs, and after an installation that did not come to its end. */
function unfinished(folder) {
  return inProject(`${folder}/node_modules/.unfinished`);
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
    existsSync(`${folder}/binding.d.ts`) &&
    readdirSync(folder).some((name) => name.endsWith('.node'))
  );
}

async function buildAddon(output, { locked }) {
  requireRust();
  const crate = ['--manifest-path', 'crates/edgepoll-node/Cargo.toml', '-p', 'edgepoll-node'];
  const files = ['--no-js', '--dts', 'binding.d.ts', '--no-const-enum', '-o', 'native'];
  const args = ['build', ...crate, '--platform', '--release', ...files];
  const advice = "check cargo's messages above (it needs the network once) and run this again";
  const napi = inProject('node_modules/.bin/napi');
  await must(napi, locked ? [...args, '--', '--locked'] : args, output, advice);
}

/** Builds the plug-ins in protocols/, and links their packages into node_modules, where programs of the clone find them. */
async function buildProtocols(output, { locked }) {
  requireRust();
  const args = ['build', '--release', '--lib', ...protocolCrates, ...(locked ? ['--locked'] : [])];
  const advice = "check cargo's messages above (it needs the network once) and run this again";
  await must('cargo', args, output, advice);
  addProbe();
  addProtocols();
  for (const { name, folder } of plugins) {
    const complete = (modules) => addLoader(modules, name);
    await compile(`${folder}/tsconfig.json`, `${folder}/dist`, output, complete);
  }
}

function compiled(name, project, folder, sources) {
  return {
    title: `${sources[0]} -> ${folder}`,
    ...stamped(name, [...compilerSources, project, ...sources], () =>
      existsSync(inProject(folder)),
    ),
    run: (output) => compile(project, folder, output),
  };
}

/**
 * Compiles beside the old result and swaps, so that nothing deleted lives on in it. `complete` adds to the new one what is not compiled.
 */
async function compile(project, folder, output, complete) {
  const fresh = inProject(`build/.new/${folder}`);
  rmSync(fresh, { recursive: true, force: true });
  const args = [compiler, '-p', project, '--outDir', fresh];
  await must(process.execPath, args, output, 'correct the errors above and run this again');
  complete?.(fresh);
  mkdirSync(dirname(inProject(folder)), { recursive: true });
  rmSync(inProject(folder), { recursive: true, force: true });
  renameSync(fresh, inProject(folder));
}

/** Runs a program that has to succeed; `advice` says what to do if it does not. */
export async function must(command, args, output, advice = 'see above', options = {}) {
  const { code, text } = await run(command, args, { output, ...options });
  if (code === 0) return;
  const shown = [command.split('/').at(-1), ...args.slice(0, 2)].join(' ');
  throw new SetupError(`${text}'${shown}' failed with code ${code}: ${advice}.`);
}
