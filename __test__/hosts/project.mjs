// A user's project with edgepoll and the pinned tools in its node_modules. Cases build in it, and run what they have built in an empty
// folder elsewhere, where nothing can be found by way of the project.

import assert from 'node:assert';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname } from 'node:path';
import { packagesWithAddons } from '../../scripts/lib/addons.mjs';
import { NotRun } from '../../scripts/lib/cases.mjs';
import { inProject } from '../../scripts/lib/root.mjs';
import { run, testSilence, toStderr } from '../../scripts/lib/run.mjs';
import { requireRuntime, stagePackage } from '../../scripts/lib/runtimes.mjs';
import { install, isInstalled } from '../../scripts/lib/steps.mjs';

const here = inProject('__test__/hosts');
/** For the programs in TypeScript. They are the same as those in JavaScript, and so have no types. */
const compilerOptions = { module: 'nodenext', target: 'es2022', types: ['node'], strict: false };

/** The package with this machine's addon. */
export const addonPackage = `edgepoll-linux-${process.arch}-gnu`;
/** This machine's addons of all packages. */
export const addonPackages = packagesWithAddons.map(
  ({ name }) => `${name}-linux-${process.arch}-gnu`,
);
/** What users install beside a program that imports edgepoll. */
export const packages = ['edgepoll', addonPackage];
/** The addon, in node_modules. */
export const addonFile = `${addonPackage}/${addonPackage.replace('-', '.')}.node`;

/** Node.js 26 in node_modules: the newest that makes executables and strips types. npm has it for these processors alone. */
const hasNode26 = ['arm64', 'x64'].includes(process.arch);
const node26 = `node-26-${process.arch}/bin/node`;

/** Installs the pinned tools. */
export async function requireTools() {
  // npm does not fail when it cannot install an optional package.
  const isWhole = !hasNode26 || existsSync(`${here}/node_modules/${node26}`);
  if (!isWhole || !isInstalled('__test__/hosts')) await install('__test__/hosts', toStderr);
  await requireRuntime('bun');
}

/** Makes the project in `folder`. */
export async function stageProject(folder) {
  const names = packagesWithAddons.map(({ name }) => name);
  await stagePackage(folder, {}, undefined, names);
  // Links, because a copy of the tools would take longer than all cases.
  for (const name of readdirSync(`${here}/node_modules`)) {
    const isTool = name === '.bin' || !name.startsWith('.');
    if (isTool) symlinkSync(`${here}/node_modules/${name}`, `${folder}/node_modules/${name}`);
  }
  writeFileSync(`${folder}/tsconfig.json`, JSON.stringify({ compilerOptions }));
  cpSync(`${here}/programs`, folder, { recursive: true });
  cpSync(inProject('__test__/smoke'), `${folder}/smoke`, { recursive: true });
  for (const name of ['main', 'echo.test']) {
    const source = readFileSync(`${folder}/${name}.mjs`, 'utf8');
    writeFileSync(`${folder}/${name}.cjs`, asCommonJs(source));
  }
}

function asCommonJs(source) {
  return source.replaceAll(/^import (\{.+\}) from ('.+');$/gm, 'const $1 = require($2);');
}

/** One case's view of the project. */
export class Case {
  #name;
  #project;
  #elsewhere = [];

  constructor(name, project) {
    this.#name = name;
    this.#project = project;
  }

  /** The folder for what the case builds, relative to the project. */
  get out() {
    return `out/${this.#name}`;
  }

  /** Writes a file of the project, as its user would. Returns the path relative to the project. */
  write(name, text) {
    const path = `written/${this.#name}/${name}`;
    mkdirSync(dirname(this.path(path)), { recursive: true });
    writeFileSync(this.path(path), text);
    return path;
  }

  /** Reads a file of the project. */
  read(path) {
    return readFileSync(this.path(path), 'utf8');
  }

  /** The absolute path of a path in the project. */
  path(relative) {
    return `${this.#project}/${relative}`;
  }

  /** The absolute path of a file of an installed package. */
  installed(path) {
    return this.path(`node_modules/${path}`);
  }

  /** The path of Node.js 26. */
  get node26() {
    if (!hasNode26) throw new NotRun(`npm has no Node.js 26 for ${process.arch}`);
    return this.installed(node26);
  }

  /** Runs a command in the project. A name in `node_modules/.bin` is a tool. Returns `{ code, text }`. */
  run([command, ...args], env) {
    const tool = this.installed(`.bin/${command}`);
    const isTool = command !== 'node' && existsSync(tool);
    return plainRun([isTool ? tool : command, ...args], this.#project, this.path('home'), env);
  }

  /** Runs a command that has to succeed. Returns its output. */
  async must(command, env) {
    const { code, text } = await this.run(command, env);
    assert.strictEqual(code, 0, `'${command.join(' ')}' failed: ${text}`);
    return text;
  }

  /** Runs a build that has to fail, with an output that fits `pattern`. */
  async mustFail(command, pattern) {
    const { code, text } = await this.run(command);
    assert.notStrictEqual(code, 0, `'${command.join(' ')}' did not fail: ${text}`);
    assert.match(text, pattern);
  }

  /** Makes a project with edgepoll alone, as an installation for another platform leaves it. Returns its program's path. */
  projectWithoutAddon() {
    const folder = this.#newFolder();
    cpSync(this.installed('edgepoll'), `${folder}/node_modules/edgepoll`, { recursive: true });
    cpSync(this.path('main.mjs'), `${folder}/main.mjs`);
    return `${folder}/main.mjs`;
  }

  /** Moves what the case has built into an empty folder elsewhere. `dependencies` are then installed there. */
  moveAway(dependencies = []) {
    const built = `${this.#newFolder()}/app`;
    renameSync(this.path(this.out), built);
    for (const name of dependencies) {
      cpSync(this.installed(name), `${built}/node_modules/${name}`, { recursive: true });
    }
    return new Built(built);
  }

  #newFolder() {
    const folder = realpathSync(mkdtempSync(`${tmpdir()}/edgepoll-hosts-`));
    this.#elsewhere.push(folder);
    return folder;
  }

  clear() {
    for (const folder of this.#elsewhere) rmSync(folder, { recursive: true, force: true });
  }
}

/** What a case has built, in a folder that holds nothing else. */
class Built {
  constructor(folder) {
    this.folder = folder;
  }

  /** Runs a command in the folder. Returns `{ code, text }`. */
  run(command) {
    // What a single executable unpacks is then in the folder too.
    return plainRun(command, this.folder, this.folder);
  }

  /** Runs the program that was built. It must echo, with an addon of this folder alone. */
  async echoes(command) {
    assertEcho(await this.run(command), this.folder);
  }

  /** Runs what was built of __test__/smoke/protocols.mjs: the addons of edgepoll and of two protocols. */
  async serves(command) {
    const { code, text } = await this.run(command);
    assert.deepStrictEqual({ code, text }, { code: 0, text: 'protocols ok\n' });
  }

  /** Runs the program that was built. It must end with ERR_ADDON_MISSING and a sentence that says what helps. */
  async misses(command) {
    const { code, text } = await this.run(command);
    assert.notStrictEqual(code, 0, text);
    assert.match(text, /code: ['"]ERR_ADDON_MISSING['"]/);
    assert.match(text, /^error: edgepoll-linux-.*bundle/im);
  }
}

/** Checks what programs/main.mjs has printed. */
export function assertEcho({ code, text }, addonIn) {
  assert.strictEqual(code, 0, text);
  assert.match(text, /^\{.*\}\n$/, 'the program prints one line');
  const { addons, ...done } = JSON.parse(text);
  assert.deepStrictEqual(done, { echo: 'hello', count: 3 });
  assert.strictEqual(addons.length, 1, text);
  assert.ok(addons[0].startsWith(`${addonIn}/`), `${addons[0]} is not in ${addonIn}`);
}

/**
 * Runs a command without what the environment says about Node.js. `node` is the one that runs this. Caches and temporary files go to
 * the folder `home`: the tools leave some behind, and would take up those of earlier runs.
 */
function plainRun([command, ...args], cwd, home, env = {}) {
  mkdirSync(home, { recursive: true });
  const plain = {
    NO_COLOR: '1',
    PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
    HOME: home,
    TMPDIR: home,
  };
  for (const name of [
    'EDGEPOLL_ADDON',
    'FORCE_COLOR',
    'NODE_OPTIONS',
    'NODE_PATH',
    'XDG_CACHE_HOME',
  ])
    plain[name] = undefined;
  const options = { cwd, env: { ...plain, ...env }, output: 'keep', silence: testSilence };
  return run(command, args, options);
}
