// Builds the package: node scripts/build.mjs. With names of targets (`all` for all of them) it builds the addons of these instead of
// this machine's own, by cargo-zigbuild. With --check it only says whether everything is there that is published.

import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The targets, as Rust names them, with the oldest glibc that the addon has to work with. */
const triples = {
  'linux-x64-gnu': 'x86_64-unknown-linux-gnu.2.17',
  'linux-x64-musl': 'x86_64-unknown-linux-musl',
  'linux-arm64-gnu': 'aarch64-unknown-linux-gnu.2.17',
  'linux-arm64-musl': 'aarch64-unknown-linux-musl',
  'linux-arm-gnueabihf': 'armv7-unknown-linux-gnueabihf.2.17',
  'linux-riscv64-gnu': 'riscv64gc-unknown-linux-gnu.2.27',
  'linux-s390x-gnu': 's390x-unknown-linux-gnu.2.17',
  'linux-ppc64-gnu': 'powerpc64le-unknown-linux-gnu.2.19',
};

const root = fileURLToPath(new URL('..', import.meta.url));
const addonOf = (target) => join(root, `native/edgepoll-protocol-name.${target}.node`);
const cargoArguments = ['--release', '--lib', '--features', 'node'];

const [first, ...others] = process.argv.slice(2);
if (first === '--check') check();
else if (first === undefined) await buildHere();
else for (const target of chosen([first, ...others])) buildTarget(target);

function chosen(names) {
  if (names.length === 1 && names[0] === 'all') return Object.keys(triples);
  const unknown = names.find((name) => !Object.hasOwn(triples, name));
  if (unknown !== undefined) {
    const known = Object.keys(triples).join(', ');
    stop(`build: there is no target '${unknown}': all, or some of ${known}`, 2);
  }
  return names;
}

function check() {
  const missing = Object.keys(triples).filter((target) => !existsSync(addonOf(target)));
  if (!existsSync(join(root, 'dist/index.js'))) missing.push('dist');
  if (missing.length > 0) stop(`build: not built yet: ${missing.join(', ')}`, 1);
}

async function buildHere() {
  const path = `${join(root, 'node_modules/.bin')}:${process.env.PATH}`;
  run('tsc', ['-p', root], { PATH: path });
  run('cargo', ['build', ...cargoArguments]);
  const { target } = await import(new URL('../dist/target.js', import.meta.url));
  place('', target);
}

function buildTarget(target) {
  const triple = triples[target];
  const [name] = triple.split('.');
  // An addon shares the C library of the process.
  const flags = target.endsWith('-musl') ? { RUSTFLAGS: '-C target-feature=-crt-static' } : {};
  run('cargo', ['zigbuild', '--target', triple, ...cargoArguments], flags);
  place(name, target);
}

/** Puts what cargo has built in its place, whole: a process may have loaded the old one. */
function place(folder, target) {
  const metadata = execFileSync('cargo', ['metadata', '--format-version=1', '--no-deps'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  const { target_directory: built } = JSON.parse(metadata);
  const file = addonOf(target);
  mkdirSync(dirname(file), { recursive: true });
  copyFileSync(join(built, folder, 'release/libedgepoll_protocol_name.so'), `${file}.new`);
  renameSync(`${file}.new`, file);
}

function run(program, args, env = {}) {
  try {
    execFileSync(program, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } });
  } catch (error) {
    if (error.code === 'ENOENT') stop(`build: ${program} is not installed`, 1);
    stop(`build: ${program} ${args.join(' ')} failed`, 1);
  }
}

function stop(message, code) {
  console.error(message);
  process.exit(code);
}
