// What goes wrong at users': each import fails with its own code, in one line that says what helps.

import { deepStrictEqual, match, strictEqual } from 'node:assert';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { installed, npmInstall, ours } from './managers.mjs';
import { addFixture, addPrograms, runSmoke } from './programs.mjs';

/** They differ: Node.js 20 prints an error that a CommonJS module throws while it is imported, even if it is caught. */
const versions = ['20', '24'];

/** What fixtures/import.mjs has printed is nothing but an error with this code, in one line that matches `help`. */
export function saysWhy(text, code, help) {
  const [line, ...rest] = text.trimEnd().split('\n');
  deepStrictEqual(rest, [], `it prints more than the error: ${text}`);
  const error = JSON.parse(line);
  strictEqual(error.code, code, line);
  match(error.message, help);
  match(error.message, /^[^\n]+$/);
}

/** The import fails. `flags` gives the options of a version of Node.js, and `before` is the beginning of the command. */
export async function refuses(user, code, help, { flags = () => [], before = [] } = {}) {
  for (const version of versions) {
    user.useNode(version);
    const command = [...before, 'node', ...flags(version), addFixture(user, 'import.mjs')];
    saysWhy(await user.run(...command), code, help);
  }
}

async function loads(user, flags) {
  for (const version of versions) {
    user.useNode(version);
    const text = await user.run('node', ...flags(version), addFixture(user, 'import.mjs'));
    strictEqual(text, 'loaded\n');
  }
}

/** An addon file that is damaged in several ways. */
async function damaged(user) {
  await npmInstall(user);
  const file = `${user.folder}/node_modules/${ours}/${ours.replace('-', '.')}.node`;
  const whole = readFileSync(file);
  const otherMachine = Buffer.from(whole);
  otherMachine.writeUInt16LE(0xf7, 18); // elf(5): e_machine, here that of BPF
  const faults = [
    [Buffer.alloc(0), /not an ELF file|cut off/],
    [Buffer.from('version https://git-lfs.github.com/spec/v1\n'), /not an ELF file/],
    [whole.subarray(0, 1000), /cut off/],
    [whole.subarray(0, whole.length / 2), /cut off/],
    [whole.subarray(0, -1), /cut off/],
    [otherMachine, /built for machine 247/],
  ];
  for (const [bytes, help] of faults) {
    rmSync(file); // npm may have linked the file to others
    writeFileSync(file, bytes);
    await refuses(user, 'ERR_ADDON_NOT_LOADED', help);
  }
}

/** The package itself is of another version than its addon, as after an update of one of them by hand. */
async function otherVersion(user) {
  await npmInstall(user);
  const folder = `${user.folder}/node_modules/edgepoll/dist/internal`;
  const constant = /\bversion = (['"])\d+\.\d+\.\d+[^'"]*\1/;
  const files = readdirSync(folder).map((name) => `${folder}/${name}`);
  const [loader, ...others] = files.filter((file) => constant.test(readFileSync(file, 'utf8')));
  deepStrictEqual(others, []);
  writeFileSync(loader, readFileSync(loader, 'utf8').replace(constant, "version = '9.9.9'"));
  await refuses(user, 'ERR_ADDON_MISMATCH', /edgepoll is version 9\.9\.9.*install/);
}

/** Installing on another system works, and importing there does not. */
async function onOtherSystem(user, platform, cpu) {
  await npmInstall(user, `--os=${platform}`, `--cpu=${cpu}`);
  deepStrictEqual(installed(user), []);
  user.env.PRETEND_PLATFORM = platform;
  const pretend = ['--require', `./${addFixture(user, 'platform.cjs')}`];
  await refuses(user, 'ERR_UNSUPPORTED_PLATFORM', new RegExp(`Linux.*${platform}`), {
    flags: () => pretend,
  });
}

/** A lock file that npm made on macOS names the addons of all platforms. */
async function lockFromMacos(user) {
  await npmInstall(user, '--os=darwin', '--cpu=arm64');
  deepStrictEqual(installed(user), []);
  rmSync(`${user.folder}/node_modules`, { recursive: true });
  await user.run('npm', 'ci');
  deepStrictEqual(installed(user), [ours]);
  addPrograms(user);
  await runSmoke(user, ['node']);
}

/** Node.js's permission model, by which a program may read its own folder. */
async function permission(user) {
  await npmInstall(user);
  const flags = (version) => [
    version === '20' ? '--experimental-permission' : '--permission',
    // It warns of every use of these flags.
    '--no-warnings',
    `--allow-fs-read=${user.folder}/*`,
  ];
  await refuses(user, 'ERR_ADDON_REFUSED', /--allow-addons/, { flags });
  await loads(user, (version) => [...flags(version), '--allow-addons']);
}

export const broken = {
  'omit-optional': async (user) => {
    await npmInstall(user, '--omit=optional');
    await refuses(user, 'ERR_ADDON_MISSING', new RegExp(`${ours}.*--omit=optional`));
  },
  'no-addons': async (user) => {
    await npmInstall(user);
    await refuses(user, 'ERR_ADDON_REFUSED', /without --no-addons/, {
      flags: () => ['--no-addons'],
    });
  },
  permission,
  damaged,
  'other-version': otherVersion,
  macos: (user) => onOtherSystem(user, 'darwin', 'arm64'),
  windows: (user) => onOtherSystem(user, 'win32', 'x64'),
  'lock-from-macos': lockFromMacos,
};
