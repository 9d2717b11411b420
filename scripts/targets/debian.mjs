// Debian packages of any architecture, unpacked into a folder. apt works on a state of its own there, so nothing of the
// machine changes, and it needs no root.

import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { must } from '../lib/steps.mjs';
import { toStderr } from '../lib/run.mjs';
import { SetupError } from '../lib/toolchain.mjs';
import { debianSuite, debianVersions } from './pins.mjs';

const keys = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** What a machine needs to have, for apt not to unpack a second compiler, linker and C library for Rust. */
const ofTheMachine = `Package: machine
Status: install ok installed
Architecture: all
Version: 1
Maintainer: none
Description: what the machine has itself
Provides: gcc, binutils (= 99), libc-dev

`;

/** What this machine lacks for Debian's packages, or undefined. */
export function missingForDebian() {
  const lacking = ['apt-get', 'dpkg'].find((tool) => spawnSync(tool, ['--version']).status !== 0);
  if (lacking !== undefined) return `${lacking} was not found: a machine with Debian 12 is needed`;
  if (!existsSync(keys)) return `${keys} was not found: install the package debian-archive-keyring`;
  return mirror() === undefined
    ? "apt's sources name no mirror of Debian: name one with EDGEPOLL_DEBIAN_MIRROR=URL"
    : undefined;
}

/** Whether Debian's mirror answers. */
export function hasNetwork() {
  const folder = mkdtempSync(path.join(tmpdir(), 'edgepoll-'));
  const url = `${mirror()}/dists/${debianSuite}/InRelease`;
  const args = ['-o', 'APT::Sandbox::User=root', 'download-file', url, `${folder}/InRelease`];
  const options = { stdio: 'ignore', timeout: 60_000 };
  const { status } = spawnSync('/usr/lib/apt/apt-helper', args, options);
  rmSync(folder, { recursive: true });
  return status === 0;
}

/** The mirror that this machine's own packages come from. */
function mirror() {
  if (process.env.EDGEPOLL_DEBIAN_MIRROR) return process.env.EDGEPOLL_DEBIAN_MIRROR;
  const { stdout } = spawnSync('apt-get', ['--print-uris', 'update'], { encoding: 'utf8' });
  return /^'([^']*\/debian)\/dists\/[^/]+\/InRelease'/m.exec(stdout ?? '')?.[1];
}

/** Unpacks packages of one architecture and all that they depend on into `folder`, which gets Debian's layout. */
export async function unpackDebian(folder, architecture, packages) {
  for (const link of ['bin', 'lib', 'lib64', 'sbin']) {
    mkdirSync(`${folder}/usr/${link}`, { recursive: true });
    symlinkSync(`usr/${link}`, `${folder}/${link}`);
  }
  const state = `${folder}/.apt`;
  const env = await updated(state, { architecture, line: 'deb', suite: debianSuite });
  const wanted = packages.map((name) => pinned(name));
  const fetch = ['-qq', '--yes', '--download-only', 'install', ...wanted];
  const old = "correct the version in scripts/targets/pins.mjs if apt's messages above name one";
  await must('apt-get', fetch, toStderr, old, { env });
  const archives = `${state}/cache/archives`;
  for (const file of readdirSync(archives).filter((name) => name.endsWith('.deb')))
    await must('dpkg', ['-x', `${archives}/${file}`, folder], toStderr);
  rmSync(state, { recursive: true });
}

/** Unpacks into `folder` what the authors of a program published, from Debian's source package in one of its releases. */
export async function unpackSource(folder, name, suite) {
  const state = `${folder}/.apt`;
  const env = await updated(state, { architecture: 'amd64', line: 'deb-src', suite });
  const args = ['-qq', '--download-only', '--tar-only', 'source', name];
  await must('apt-get', args, toStderr, "see apt's messages above", { env, cwd: state });
  const tarball = readdirSync(state).find((file) => /\.orig\.tar\.\w+$/.test(file));
  await must('tar', ['xf', `${state}/${tarball}`, '-C', folder, '--strip-components=1'], toStderr);
  rmSync(state, { recursive: true });
}

/** Makes an apt state, and fills its lists. Returns the environment in which apt works on it. */
async function updated(state, sources) {
  const env = { APT_CONFIG: writeState(state, sources), LC_ALL: 'C.UTF-8' };
  const advice = "check the network and apt's messages above, and run this again";
  await must('apt-get', ['-qq', 'update'], toStderr, advice, { env });
  return env;
}

/** apt's NAME=VERSION; a name that has none gets that of pins.mjs. */
function pinned(name) {
  if (name.includes('=')) return name;
  const version = debianVersions[name];
  if (version === undefined) throw new SetupError(`pins.mjs has no version of ${name}`);
  return `${name}=${version}`;
}

/** Writes apt's configuration and an empty state. Returns the configuration's path. `line` is `deb` or `deb-src`. */
function writeState(state, { architecture, line, suite }) {
  for (const folder of ['lists/partial', 'cache/archives/partial', 'none'])
    mkdirSync(`${state}/${folder}`, { recursive: true });
  writeFileSync(`${state}/status`, ofTheMachine);
  writeFileSync(`${state}/sources.list`, `${line} [signed-by=${keys}] ${mirror()} ${suite} main\n`);
  const settings = {
    'APT::Architecture': architecture,
    'APT::Architectures': architecture,
    'APT::Install-Recommends': 'false',
    'APT::Sandbox::User': 'root', // another user could not write here
    'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled': 'false',
    'Acquire::Languages': 'none',
    'Dir::Cache': `${state}/cache`,
    'Dir::Etc::sourcelist': `${state}/sources.list`,
    'Dir::Etc::sourceparts': `${state}/none`,
    'Dir::State': state,
    'Dir::State::status': `${state}/status`,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} "${value}";\n`);
  writeFileSync(`${state}/apt.conf`, lines.join(''));
  return `${state}/apt.conf`;
}
