// The packages of protocols: users install them beside edgepoll, and serve by the programs of their READMEs. And users make a package of
// their own by `npm create edgepoll-protocol`.

import { deepStrictEqual, strictEqual } from 'node:assert';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { packagesWithAddons } from '../../scripts/lib/addons.mjs';
import { inProject } from '../../scripts/lib/root.mjs';
import { must } from '../../scripts/lib/steps.mjs';
import { missingRust } from '../../scripts/lib/toolchain.mjs';
import { saysWhy } from './broken.mjs';
import { installed } from './managers.mjs';
import { addFixture, addPluginPrograms } from './programs.mjs';
import { nodeVersions } from './tools.mjs';

const names = packagesWithAddons.map(({ name }) => name);
const target = `linux-${process.arch}-gnu`;
const { version } = JSON.parse(readFileSync(inProject('package.json'), 'utf8'));

async function install(user, ...options) {
  await user.run('npm', 'install', ...options, ...names);
}

/** Everything is there, and serves under each version of Node.js. */
async function withNpm(user) {
  await install(user);
  const others = names.filter((name) => name !== 'edgepoll');
  const wanted = [...others, ...names.map((name) => `${name}-${target}`)];
  deepStrictEqual(new Set(installed(user)), new Set(wanted));
  addPluginPrograms(user);
  for (const each of nodeVersions) {
    user.useNode(each);
    strictEqual(await user.run('node', 'smoke/protocols.mjs'), 'protocols ok\n');
  }
  await runPrograms(user, ['node']);
}

async function withBun(user) {
  await user.run('bun', 'add', ...names);
  addPluginPrograms(user);
  const command = ['bun', 'run', '--no-install'];
  strictEqual(await user.run(...command, 'smoke/protocols.mjs'), 'protocols ok\n');
  await runPrograms(user, command);
}

async function withDeno(user) {
  writeFileSync(`${user.folder}/package.json`, '{ "private": true }');
  const packages = names.map((name) => `npm:${name}`);
  await user.run('deno', 'add', '--minimum-dependency-age=0', ...packages);
  addPluginPrograms(user);
  const command = ['deno', 'run', '--allow-all'];
  strictEqual(await user.run(...command, 'smoke/protocols.mjs'), 'protocols ok\n');
  await runPrograms(user, command);
}

/** The programs of the READMEs: each server answers its client. */
async function runPrograms(user, command) {
  const answers = { resp: 'OK\nvalue\n', websocket: /^hello$/m };
  for (const [name, answer] of Object.entries(answers)) {
    const server = user.start(...command, `${name}-server.mjs`);
    try {
      await server.says(/^listening on \d+$/m);
      if (typeof answer === 'string')
        strictEqual(await user.run(...command, `${name}-client.mjs`), answer);
      else await saysAndStops(user.start(...command, `${name}-client.mjs`), answer);
    } finally {
      await server.stop();
    }
  }
}

async function saysAndStops(program, pattern) {
  try {
    await program.says(pattern);
  } finally {
    await program.stop();
  }
}

/** Without the optional dependencies of a protocol, the error names that protocol's package. */
async function withoutAddon(user) {
  await user.run('npm', 'install', 'edgepoll');
  await user.run('npm', 'install', '--no-save', '--omit=optional', 'edgepoll-resp');
  writeFileSync(
    `${user.folder}/import.mjs`,
    readFileSync(inProject('__test__/packages/fixtures/import.mjs'), 'utf8').replace(
      "import('edgepoll')",
      "import('edgepoll-resp')",
    ),
  );
  const text = await user.run('node', 'import.mjs');
  saysWhy(text, 'ERR_ADDON_MISSING', new RegExp(`^edgepoll-resp-${target}.*--omit=optional`));
}

/** A package with an addon of another major version of the ABI, which is the probe that `npm run build` makes. */
async function oldAbi(user) {
  const place = `${user.folder}/node_modules/edgepoll-old`;
  await user.run('npm', 'install', 'edgepoll');
  mkdirSync(place);
  const description = { name: 'edgepoll-old', version, type: 'module', exports: './index.js' };
  writeFileSync(`${place}/package.json`, JSON.stringify(description));
  cpSync(inProject('build/probe.node'), `${place}/old.node`);
  writeFileSync(
    `${place}/index.js`,
    `import { createRequire } from 'node:module';
     const addon = createRequire(import.meta.url)('./old.node');
     export const old = { name: 'old', native: addon.version({ abi: 0 }), decode() {}, encode() {} };`,
  );
  const text = await user.run('node', addFixture(user, 'old-abi.mjs'));
  const help = /^old: .*version 0.*version 1; install a newer version of the plug-in$/;
  saysWhy(text, 'ERR_PROTOCOL_MISMATCH', help);
}

/** What the package of a new protocol needs of npm. The registry on loopback gets them from this clone. */
const tools = ['typescript-5.9', '@types/node', 'undici-types'];

/** The folders of packages that users install beside ours. */
export const published = tools.map((name) => inProject(`node_modules/${name}`));

/** `npm create edgepoll-protocol`, and what it says to do next. */
async function create(user) {
  const made = await user.run('npm', 'create', '--yes', 'edgepoll-protocol', 'ring');
  strictEqual(
    made.trimEnd().split('\n').at(-1),
    'edgepoll-ring is there. Next: cd edgepoll-ring && npm install && npm test',
  );
  user.folder += '/edgepoll-ring';
  await addRust(user);
  await user.run('npm', 'install');
  const text = await user.run('npm', 'test');
  const passed = /^# pass (\d+)$/m.exec(text)?.[1] ?? /^ℹ pass (\d+)$/m.exec(text)?.[1];
  strictEqual(passed, '7', text);
  return 'its own tests passed';
}

/**
 * Puts cargo on the user's PATH, and gives it edgepoll-protocol as crates.io will: what `cargo package` packs. Nothing is fetched: the crate
 * needs no other one.
 */
async function addRust(user) {
  const { PATH } = user.env;
  const link = (name, file) => symlinkSync(file, `${PATH}/${name}`);
  const { stdout } = spawnSync('rustc', ['--print', 'sysroot'], { encoding: 'utf8' });
  for (const name of ['cargo', 'rustc', 'rustdoc']) link(name, `${stdout.trim()}/bin/${name}`);
  for (const name of ['cc', 'ld', 'as']) link(name, `/usr/bin/${name}`);
  const crates = `${user.home}/crates`;
  mkdirSync(crates);
  const options = ['--offline', '--allow-dirty', '--no-verify', '--target-dir', crates];
  await must('cargo', ['package', '-p', 'edgepoll-protocol', ...options], 'keep', undefined, {
    cwd: inProject(),
  });
  const crate = `edgepoll-protocol-${version}`;
  await must('tar', ['xzf', `${crates}/package/${crate}.crate`, '-C', crates], 'keep');
  mkdirSync(`${user.home}/.cargo`);
  writeFileSync(
    `${user.home}/.cargo/config.toml`,
    `[patch.crates-io]\nedgepoll-protocol = { path = "${crates}/${crate}" }\n[net]\noffline = true\n`,
  );
  user.env.CARGO_TARGET_DIR = `${user.home}/target`;
}

export const plugins = {
  protocols: withNpm,
  'protocols-bun': withBun,
  'protocols-deno': withDeno,
  'protocols-omit-optional': withoutAddon,
  'protocols-old-abi': oldAbi,
  'create-protocol': { run: create, missing: missingRust },
};
