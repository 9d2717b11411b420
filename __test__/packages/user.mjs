// A user of the package: an empty folder, a home of its own, and a PATH with a few programs and no compiler. Nothing of the
// machine's or of this process's configuration reaches what runs there, and nothing is written outside.

import { once, EventEmitter } from 'node:events';
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { run } from '../../scripts/lib/run.mjs';
import { inTools, nodePath, runtimePath } from './tools.mjs';

/** Seconds without output after which a program of a user hangs. */
const silence = 120;

/** What is on the PATH beside node: what the name starts, a shell, and what the tests start themselves. */
const programs = () => ({
  npm: inTools('npm/bin/npm-cli.js'),
  'npm-10': inTools('npm-10/bin/npm-cli.js'),
  pnpm: inTools(`@pnpm/exe.linux-${process.arch}/pnpm`),
  'yarn-1': inTools('yarn/bin/yarn.js'),
  'yarn-4': inTools('@yarnpkg/cli-dist/bin/yarn.js'),
  bun: runtimePath('bun'),
  deno: runtimePath('deno'),
  sh: '/bin/sh',
  unshare: '/usr/bin/unshare',
  mkfifo: '/usr/bin/mkfifo',
  sleep: '/usr/bin/sleep',
  script: '/usr/bin/script',
});

/** The users so far, so that each gets a loopback address of its own. */
let users = 0;

export class User {
  /** `folder` must not exist. `registry` is the address from which this user installs. */
  constructor(folder, { registry }) {
    this.folder = `${folder}/project`;
    this.home = `${folder}/home`;
    // In place of 127.0.0.1 in programs, so that several users can use the same port.
    users += 1;
    this.host = `127.${100 + users}.${(process.pid >> 8) & 255}.${process.pid & 255}`;
    const bin = `${folder}/bin`;
    for (const made of [this.folder, this.home, bin, `${folder}/tmp`])
      mkdirSync(made, { recursive: true });
    for (const [name, file] of Object.entries(programs())) symlinkSync(file, `${bin}/${name}`);
    this.env = {
      PATH: bin,
      HOME: this.home,
      TMPDIR: `${folder}/tmp`,
      LANG: 'C.UTF-8',
      NO_COLOR: '1',
      NO_UPDATE_NOTIFIER: '1',
      DENO_NO_UPDATE_CHECK: '1',
      YARN_ENABLE_TELEMETRY: '0',
    };
    this.useNode('24');
    if (registry !== undefined) this.#installFrom(registry);
  }

  /** The environment's names for a registry without TLS, which only a test has. */
  #installFrom(registry) {
    writeFileSync(`${this.home}/.npmrc`, `registry=${registry}\nfund=false\naudit=false\n`);
    this.env.YARN_NPM_REGISTRY_SERVER = registry;
    this.env.YARN_UNSAFE_HTTP_WHITELIST = '127.0.0.1';
    this.env.NPM_CONFIG_REGISTRY = registry;
  }

  /** Makes `node` this version. */
  useNode(version) {
    const link = `${this.env.PATH}/node`;
    rmSync(link, { force: true });
    symlinkSync(nodePath(version), link);
  }

  /** Takes every other program off the PATH. */
  keepOnPath(...kept) {
    const { PATH } = this.env;
    for (const name of readdirSync(PATH)) if (!kept.includes(name)) rmSync(`${PATH}/${name}`);
  }

  /** Runs a program that has to succeed. Resolves with its output. */
  async run(command, ...args) {
    const { code, text, hung } = await this.#end(command, args);
    if (code === 0) return text;
    throw new Error(
      `${shown(command, args)}: ${hung ? `no output for ${silence} s` : `code ${code}`}\n${text}`,
    );
  }

  /** Runs a program that has to fail by itself. Resolves with its output. */
  async fails(command, ...args) {
    const { code, text, hung } = await this.#end(command, args);
    if (code !== 0 && !hung) return text;
    throw new Error(`${shown(command, args)} did not fail${hung ? ' by itself' : ''}\n${text}`);
  }

  /** Starts a program that goes on: `says(pattern)` waits for a line of its output, `stop()` ends it. */
  start(command, ...args) {
    const printed = new EventEmitter();
    let text = '';
    let end;
    const onText = (all, stop) => {
      text = all;
      end = stop;
      printed.emit('text');
    };
    const ended = this.#end(command, args, onText);
    const early = ended.then(({ code }) => {
      throw new Error(`${shown(command, args)} ended with code ${code}\n${text}`);
    });
    early.catch(() => {}); // only a caller that waits for a line needs it
    return {
      says: async (pattern) => {
        while (!pattern.test(text)) await Promise.race([once(printed, 'text'), early]);
      },
      stop: async () => {
        end?.();
        await ended;
      },
    };
  }

  #end(command, args, onText) {
    const { folder: cwd, env } = this;
    return run(`${env.PATH}/${command}`, args, {
      cwd,
      env,
      isolated: true,
      output: 'keep',
      silence,
      onText,
    });
  }
}

function shown(command, args) {
  return [command, ...args].join(' ');
}
