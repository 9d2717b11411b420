// The programs that the suites start: pinned ones of npm, what the cache of scripts/targets/ has, and programs of the machine.

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { inProject } from '../../scripts/lib/root.mjs';
import { run, toStderr } from '../../scripts/lib/run.mjs';
import { install, isInstalled } from '../../scripts/lib/steps.mjs';
import { SetupError } from '../../scripts/lib/toolchain.mjs';
import { cached, entry, isCached } from '../../scripts/targets/cache.mjs';
import { missingForDebian, unpackSource } from '../../scripts/targets/debian.mjs';
import { pypiVersions } from '../../scripts/targets/pins.mjs';
import { missingForPypi, unpackWheels } from '../../scripts/targets/pypi.mjs';

const folder = '__test__/suites';

const folders = new Map();

/** The folder of an entry of the cache. Two cases that ask for it at once do not both make it. */
function made(one) {
  if (!folders.has(one)) folders.set(one, cached(one, console.log));
  return folders.get(one);
}

/** Installs the packages of npm that are missing. */
export async function requireTools() {
  if (!isInstalled(folder)) await install(folder, toStderr);
}

/** Why a program of the machine cannot be started, or undefined. `debian` is the package that has it. */
export function missingProgram(name, debian) {
  const { error } = spawnSync(name, ['--version'], { input: '', stdio: 'pipe', timeout: 20_000 });
  return error?.code === 'ENOENT'
    ? `${name} was not found: install it (Debian: apt-get install ${debian})`
    : undefined;
}

/** Node.js with a WebSocket of its own. npm has it for these processors alone. */
export const node24 = inProject(`${folder}/node_modules/node-24-${process.arch}/bin/node`);
export function missingNode24() {
  return existsSync(node24) ? undefined : `npm has no Node.js 24 for ${process.arch}`;
}

const websockets = entry('websockets', pypiVersions.websockets, (place) =>
  unpackWheels(place, ['websockets'], 'any'),
);
export const missingWebsockets = () => (isCached(websockets) ? undefined : missingForPypi());

/** The folder with Python's package `websockets`. */
export const websocketsFolder = () => made(websockets);

/**
 * Redis's tests, as its authors publish them with the version whose commands the example has. Debian's packages lack them, so they are
 * taken from the source package of Debian 12.
 */
const redisSource = entry('redis-tests', ['7.0.15', 'bookworm'], (place) =>
  unpackSource(place, 'redis', 'bookworm'),
);
export const missingRedisSource = () => (isCached(redisSource) ? undefined : missingForDebian());
export const redisFolder = () => made(redisSource);

/** Autobahn's suite and what it imports. It is written in Python 2.7. */
const autobahnPackages = {
  Automat: '22.10.0',
  Jinja2: '2.11.3',
  MarkupSafe: '1.1.1',
  PyHamcrest: '1.10.1',
  Twisted: '19.10.0',
  Werkzeug: '1.0.1',
  argparse: '1.4.0',
  attrs: '21.4.0',
  autobahn: '0.10.9',
  autobahntestsuite: '25.10.1',
  cffi: '1.15.1',
  constantly: '15.1.0',
  cryptography: '3.3.2',
  enum34: '1.1.10',
  hyperlink: '21.0.0',
  idna: '2.10',
  incremental: '16.10.1',
  ipaddress: '1.0.23',
  klein: '17.10.0',
  linecache2: '1.0.0',
  pyOpenSSL: '19.1.0',
  pyasn1: '0.5.1',
  'pyasn1-modules': '0.3.0',
  pycparser: '2.21',
  'service-identity': '18.1.0',
  setuptools: '44.0.0',
  six: '1.16.0',
  traceback2: '1.4.0',
  txaio: '2.1.0',
  typing: '3.10.0.0',
  ujson: '2.0.3',
  unittest2: '1.1.0',
  wsaccel: '0.6.6',
  'zope.interface': '4.6.0',
};
const autobahnEntry = entry('autobahn', autobahnPackages, unpackAutobahn);

/** Why Autobahn's suite cannot run, or undefined. */
export function missingAutobahn() {
  if (python2() === undefined) {
    return 'it needs Python 2.7 with pip: put python2.7 on the PATH, or install it with pyenv';
  }
  return undefined;
}

/** The command that runs a tool of Autobahn's suite, and its environment; the tool's arguments follow. */
export async function autobahnCommand() {
  const place = await made(autobahnEntry);
  const command = [python2(), '-u', '-m', 'autobahntestsuite.wstest'];
  return { command, env: { PYTHONPATH: place, PYTHONWARNINGS: 'ignore' } };
}

async function unpackAutobahn(place) {
  const wanted = Object.entries(autobahnPackages).map(([name, version]) => `${name}==${version}`);
  const quietly = ['--quiet', '--disable-pip-version-check'];
  const args = ['-m', 'pip', 'install', ...quietly, '--no-deps', '--target', place, ...wanted];
  const { code, text } = await run(python2(), args, { output: 'keep' });
  if (code !== 0) {
    const reason = text.trim().split('\n').at(-1);
    throw new SetupError(`pip could not install Autobahn's suite: ${reason}`);
  }
  // pip leaves it out where the package is found by a .pth file, which counts only among the packages of the machine.
  writeFileSync(`${place}/zope/__init__.py`, '');
}

let foundPython2;
function python2() {
  const check = 'import sys, pip; sys.exit(sys.version_info[:2] != (2, 7))';
  foundPython2 ??= [...pyenvs(), 'python2.7', 'python2'].find(
    (name) => spawnSync(name, ['-c', check]).status === 0,
  );
  return foundPython2;
}

/** The Pythons 2.7 of pyenv, whose launchers start another version unless the user has chosen this one. */
function pyenvs() {
  const versions = path.join(process.env.PYENV_ROOT ?? path.join(homedir(), '.pyenv'), 'versions');
  if (!existsSync(versions)) return [];
  return readdirSync(versions)
    .filter((name) => name.startsWith('2.7'))
    .map((name) => `${versions}/${name}/bin/python`);
}
