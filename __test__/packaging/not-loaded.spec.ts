/** An addon that is missing, refused, of another version or for another system: each has its code, and the message says what helps. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { endianness } from 'node:os';
import { join } from 'node:path';

import type { ExecutionContext } from 'ava';
import test from 'ava';

import { run } from '../support/process.js';
import { addonPath, imported, nodeOf, project, target } from './helpers.js';

const loaded = 'loaded function';

/** A copy of the addon in which each text is replaced by one of the same length. */
function changed(place: string, from: string | RegExp, to: string): string {
  const file = join(place, 'changed.node');
  const text = readFileSync(join(place, addonPath), 'latin1');
  const written = text.replaceAll(from, to);
  if (written === text || written.length !== text.length) throw new Error(`not replaced: ${from}`);
  writeFileSync(file, written, 'latin1');
  return file;
}

/** Sets a field of `process` before the package is imported. */
function pretend(name: 'platform' | 'arch', value: string): string[] {
  return before(`Object.defineProperty(process, '${name}', { value: '${value}' });`);
}

function before(script: string): string[] {
  return ['--import', `data:text/javascript,${encodeURIComponent(script)}`];
}

test('the packed package loads, by import and by require', async (t) => {
  const place = await project(t);
  t.is(await imported(t, place), loaded);
  const script = join(place, 'program.cjs');
  writeFileSync(
    script,
    `const all = ['edgepoll', 'edgepoll/fd', 'edgepoll/epoll'].map((name) => require(name));
     console.log(all.map((one) => Object.keys(one).length > 0).join());`,
  );
  t.deepEqual(await run(process.execPath, [script]), {
    code: 0,
    signal: null,
    stdout: 'true,true,true\n',
    stderr: '',
  });
});

test('ERR_UNSUPPORTED_PLATFORM: other systems, and processors without an addon', async (t) => {
  const place = await project(t);
  for (const platform of ['darwin', 'win32']) {
    const text = await imported(t, place, { options: pretend('platform', platform) });
    t.is(
      text,
      `ERR_UNSUPPORTED_PLATFORM edgepoll needs Linux, and this is ${platform}: import it only where process.platform is 'linux'`,
    );
  }
  const text = await imported(t, place, { options: pretend('arch', 'mips') });
  t.regex(
    text,
    /^ERR_UNSUPPORTED_PLATFORM edgepoll has no addon for linux-mips-\w+, only for linux-x64-gnu, .*EDGEPOLL_ADDON$/,
  );
});

test('ERR_UNSUPPORTED_PLATFORM: ARM before ARMv7, which lacks instructions of the addon', async (t) => {
  const place = await project(t);
  const on = (machine: string): Promise<string> => {
    const script = `process.getBuiltinModule('node:os').machine = () => '${machine}';`;
    return imported(t, place, { options: [...pretend('arch', 'arm'), ...before(script)] });
  };
  t.regex(
    await on('armv6l'),
    /^ERR_UNSUPPORTED_PLATFORM edgepoll has no addon for linux-armv6l-gnueabihf, only for /,
  );
  for (const machine of ['armv7l', 'armv8l', 'aarch64'])
    t.regex(await on(machine), /^ERR_ADDON_MISSING edgepoll-linux-arm-gnueabihf, /, machine);
});

test('ERR_UNSUPPORTED_PLATFORM: require() throws it too', async (t) => {
  const place = await project(t);
  const script = join(place, 'program.cjs');
  writeFileSync(script, "try { require('edgepoll'); } catch ({ code }) { console.log(code); }");
  const ended = await run(process.execPath, [...pretend('platform', 'darwin'), script]);
  t.deepEqual([ended.stdout, ended.stderr], ['ERR_UNSUPPORTED_PLATFORM\n', '']);
});

test('ERR_ADDON_MISSING: the optional dependency is not installed', async (t) => {
  const place = await project(t);
  const folder = join(place, `node_modules/edgepoll-${target}`);
  rmSync(join(place, addonPath));
  t.regex(
    await imported(t, place),
    /^ERR_ADDON_MISSING edgepoll-\S+ is installed, and its file with the addon is missing: remove node_modules and install /,
  );
  rmSync(folder, { recursive: true });
  t.regex(
    await imported(t, place),
    /^ERR_ADDON_MISSING edgepoll-\S+, .* is not installed: install /,
  );
});

test('ERR_ADDON_MISSING: node_modules of another system is named', async (t) => {
  const place = await project(t);
  const other = 'linux-riscv64-gnu';
  const folder = join(place, `node_modules/edgepoll-${target}`);
  const renamed = join(place, `node_modules/edgepoll-${other}`);
  renameSync(folder, renamed);
  const text = await imported(t, place);
  t.regex(
    text,
    /^ERR_ADDON_MISSING edgepoll-\S+, .* is not installed, only edgepoll-linux-riscv64-gnu: /,
  );
});

test('ERR_ADDON_MISMATCH: an addon of another version', async (t) => {
  const place = await project(t);
  const file = join(place, 'node_modules/edgepoll/dist/internal/load-addon.cjs');
  const text = readFileSync(file, 'utf8');
  writeFileSync(file, text.replace(/const version = "[^"]+"/, 'const version = "7.8.9"'));
  t.regex(
    await imported(t, place),
    /^ERR_ADDON_MISMATCH edgepoll is version 7\.8\.9, and its addon \S+\.node is \d+\.\d+\.\d+: remove node_modules and install again on this machine$/,
  );
});

test("ERR_ADDON_MISMATCH: EDGEPOLL_ADDON names an addon of another version, or another package's", async (t) => {
  const place = await project(t);
  const named = async (file: string): Promise<string> =>
    await imported(t, place, { env: { EDGEPOLL_ADDON: file } });
  const otherPackage = await named(changed(place, /\bVERSION\b/g, 'VERSIOM'));
  t.regex(
    otherPackage,
    /^ERR_ADDON_MISMATCH edgepoll is version \S+, and EDGEPOLL_ADDON's file \S+\.node is the addon of another package: name one of this version in EDGEPOLL_ADDON, /,
  );
  const loader = join(place, 'node_modules/edgepoll/dist/internal/load-addon.cjs');
  const text = readFileSync(loader, 'utf8');
  writeFileSync(loader, text.replace(/const version = "[^"]+"/, 'const version = "7.8.9"'));
  t.regex(
    await named(join(place, addonPath)),
    /^ERR_ADDON_MISMATCH edgepoll is version 7\.8\.9, and EDGEPOLL_ADDON's file \S+\.node is \d+\.\d+\.\d+: name one of /,
  );
});

test('EDGEPOLL_ADDON names a file, relative to the current directory, with any name', async (t) => {
  const place = await project(t);
  copyFileSync(join(place, addonPath), join(place, 'mine.so'));
  rmSync(join(place, `node_modules/edgepoll-${target}`), { recursive: true });
  for (const path of [join(place, 'mine.so'), 'mine.so', './mine.so']) {
    t.is(await imported(t, place, { env: { EDGEPOLL_ADDON: path } }), loaded, path);
  }
  t.regex(await imported(t, place, { env: { EDGEPOLL_ADDON: '' } }), /^ERR_ADDON_MISSING/);
});

test('EDGEPOLL_ADDON: what cannot be loaded is an error although the optional dependency could be', async (t) => {
  const place = await project(t);
  const write = (name: string, content: string): string => {
    writeFileSync(join(place, name), content);
    return join(place, name);
  };
  const named = async (file: string): Promise<string> =>
    await imported(t, place, { env: { EDGEPOLL_ADDON: file } });
  t.regex(
    await named('absent.node'),
    /^ERR_ADDON_MISSING EDGEPOLL_ADDON's file \/\S+\/absent\.node does not exist$/,
  );
  const refused = (reason: string): RegExp =>
    new RegExp(`^ERR_ADDON_NOT_LOADED EDGEPOLL_ADDON's file \\S+ does not load: ${reason}`);
  t.regex(await named(place), refused('it is not a file'));
  t.regex(await named(write('empty.node', '')), refused('it is not an ELF file'));
  t.regex(
    await named(write('text.node', 'module.exports = {};')),
    refused('it is not an ELF file'),
  );
  t.regex(await named(write('begun.node', '\x7fELF\x02\x01')), refused('the file is cut off'));
});

test('ERR_ADDON_NOT_LOADED: glibc is too old, and both versions are named', async (t) => {
  const place = await project(t);
  // The linker compares the text of each version that a library needs.
  const file = changed(place, /GLIBC_2\.(?=\d\d\0)/g, 'GLIBC_9.');
  // The loader reads the version from a report, whose settings are the program's.
  const script = `process.on('exit', () => {
    if (process.report.excludeNetwork) console.log('the setting was changed');
  });`;
  t.regex(
    await imported(t, place, { env: { EDGEPOLL_ADDON: file }, options: before(script) }),
    /^ERR_ADDON_NOT_LOADED .* it needs glibc 9\.\d+, and this system has 2\.\d+; use a newer system$/,
  );
});

test('ERR_ADDON_NOT_LOADED: a library that is no addon, and the words of the runtime', async (t) => {
  const place = await project(t);
  const file = changed(place, 'napi_register_module_v1', 'napi_register_module_v9');
  t.regex(
    await imported(t, place, { env: { EDGEPOLL_ADDON: file } }),
    /^ERR_ADDON_NOT_LOADED .* does not load: Module did not self-register/,
  );
});

test('ERR_ADDON_NOT_LOADED: another processor', async (t) => {
  const place = await project(t);
  const bytes = readFileSync(join(place, addonPath));
  const named = async (change: (copy: Buffer) => void): Promise<string> => {
    const copy = Buffer.from(bytes);
    change(copy);
    const file = join(place, 'other.node');
    writeFileSync(file, copy);
    return await imported(t, place, { env: { EDGEPOLL_ADDON: file } });
  };
  const ppc = await named((copy) => copy.writeUInt16LE(21, 18));
  t.regex(ppc, /it is built for ppc64, and this process is \w+$/);
  t.regex(await named((copy) => copy.writeUInt16LE(9999, 18)), /it is built for machine 9999, /);
  const other = endianness() === 'LE' ? 'BE' : 'LE';
  const swapped = await named((copy) => {
    copy.writeUInt8(other === 'BE' ? 2 : 1, 5);
    copy.subarray(18, 20).reverse();
  });
  t.regex(swapped, / it has the other byte order than this process, which is [LB]E$/);
});

test('what lies in native/ beside a bundle is not taken for the addon of a clone', async (t) => {
  const place = await project(t);
  for (const folder of ['native', 'out/lib']) mkdirSync(join(place, folder), { recursive: true });
  writeFileSync(join(place, `native/edgepoll.${target}.node`), 'not ours');
  const loader = join(place, 'node_modules/edgepoll/dist/internal/load-addon.cjs');
  copyFileSync(loader, join(place, 'out/lib/bundle.cjs'));
  const script = join(place, 'out/lib/main.cjs');
  writeFileSync(script, "console.log(typeof require('./bundle.cjs')().ReactorBinding);");
  const { stdout, stderr } = await run(process.execPath, [script]);
  t.deepEqual([stdout, stderr], ['function\n', '']);
});

test('ERR_ADDON_REFUSED: --no-addons, in NODE_OPTIONS too', async (t) => {
  const place = await project(t);
  const refused = /^ERR_ADDON_REFUSED Node\.js refuses edgepoll-\S+: run it without --no-addons/;
  t.regex(await imported(t, place, { options: ['--no-addons'] }), refused);
  t.regex(await imported(t, place, { env: { NODE_OPTIONS: '--no-addons' } }), refused);
});

for (const major of [20, 22, 24, 26]) {
  const node = nodeOf(major);
  const title = `ERR_ADDON_REFUSED: --permission without --allow-addons, Node.js ${major}`;
  if (node === undefined) {
    test.skip(`${title} (it is not installed: \`node scripts/e2e.mjs\` does that)`, () => {});
    continue;
  }
  test(title, async (t) => {
    const place = await project(t);
    const permission = major === 20 ? '--experimental-permission' : '--permission';
    const read = `--allow-fs-read=${place}/*`;
    const start = (...options: string[]): Promise<string> =>
      imported(t, place, { runtime: node, options: [permission, ...options] });
    t.regex(
      await start(read),
      /^ERR_ADDON_REFUSED Node\.js refuses edgepoll-\S+: --permission needs --allow-addons beside it$/,
    );
    // Node.js 20 loads addons with --permission never.
    if (major > 20) t.is(await start(read, '--allow-addons'), loaded);
  });
}

test('node_modules that cannot be written to', async (t) => {
  const place = await project(t);
  const chosen = join(place, 'node_modules');
  const user = process.getuid?.() === 0 ? ['setpriv', '--reuid=65534', '--clear-groups'] : [];
  for (const path of [chosen, join(place, addonPath)]) chmodSync(path, 0o555);
  chmodSync(place, 0o755);
  t.teardown(() => chmodSync(chosen, 0o755));
  const script = "import('edgepoll').then(() => console.log('loaded'))";
  const command = [...user, process.execPath, '-e', script];
  const ended = await run('sh', ['-c', 'cd "$0" && exec "$@"', place, ...command]);
  t.deepEqual([ended.stdout, ended.stderr], ['loaded\n', '']);
});

const mount = 'mount -t tmpfs -o noexec none';
const canMount = spawnSync('unshare', ['--mount', 'sh', '-c', `${mount} /mnt`]).status === 0;
const noexec = 'ERR_ADDON_NOT_LOADED: a file system that is mounted with noexec';
if (!canMount) test.skip(`${noexec} (this user may not mount)`, () => {});
else {
  test(noexec, async (t) => {
    const place = await project(t);
    const file = join(place, 'mounted/addon.node');
    mkdirSync(join(place, 'mounted'));
    const script = join(place, 'noexec.mjs');
    const source = "import('edgepoll').catch(({ code, message }) => console.log(code, message));";
    writeFileSync(script, source);
    const steps = `${mount} "${place}/mounted" && cp "${place}/${addonPath}" "${file}" && exec "$@"`;
    const args = ['--mount', 'sh', '-c', steps, 'sh', process.execPath, script];
    const { stdout } = await run('unshare', args, { EDGEPOLL_ADDON: file });
    t.regex(
      stdout,
      /^ERR_ADDON_NOT_LOADED .*failed to map segment.*is its file system mounted with noexec\?\n$/,
    );
  });
}

/** Runs what the loader says in a worker. */
async function inWorker(t: ExecutionContext, place: string): Promise<string> {
  const script = join(place, 'worker.mjs');
  writeFileSync(
    script,
    `import { Worker } from 'node:worker_threads';
     const source = "import('edgepoll').then(() => 'loaded', ({ code }) => code).then(require('node:worker_threads').parentPort.postMessage.bind(require('node:worker_threads').parentPort))";
     for (let count = 0; count < 2; count += 1) {
       await new Promise((resolve) => new Worker(source, { eval: true }).once('message', (text) => resolve(console.log(text))));
     }`,
  );
  const { stdout, stderr } = await run('sh', [
    '-c',
    'cd "$0" && exec "$@"',
    place,
    process.execPath,
    script,
  ]);
  t.is(stderr, '');
  return stdout;
}

test('workers load the addon, or get the same error', async (t) => {
  const place = await project(t);
  t.is(await inWorker(t, place), 'loaded\nloaded\n');
  rmSync(join(place, addonPath));
  t.is(await inWorker(t, place), 'ERR_ADDON_MISSING\nERR_ADDON_MISSING\n');
});
