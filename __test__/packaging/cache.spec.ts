/** The cache of the targets' tools: a killed process, a folder that cannot be made, and a failed pip. */
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import test from 'ava';

import { folder, root, run, start } from '../support/process.js';

function imported(path: string): string {
  return JSON.stringify(pathToFileURL(join(root, 'scripts', path)).href);
}

/** A program that makes the entry `name`. It prints `begun`, and then `make` is run. */
function making(name: string, make: string): string[] {
  const source = `
    import { cached, entry } from ${imported('targets/cache.mjs')};
    import { failSetUp } from ${imported('lib/toolchain.mjs')};
    import { unpackWheels } from ${imported('targets/pypi.mjs')};
    const make = async (folder) => { console.log('begun'); ${make} };
    await cached(entry('${name}', 1, make), () => {}).catch(failSetUp);`;
  return ['--input-type=module', '--eval', source];
}

const forEver = 'await new Promise(() => setInterval(() => {}, 1000));';

test('what a killed process has left is removed by the next one; what a running one makes is not', async (t) => {
  const place = folder(t);
  const env = { XDG_CACHE_HOME: place };
  const [killed, running] = ['killed', 'running'].map((name) =>
    start(process.execPath, making(name, forEver), env),
  );
  for (const one of [killed, running]) t.is(await one?.line(), 'begun');
  killed?.process.kill('SIGKILL');
  await killed?.ended;
  const names = (): string[] =>
    readdirSync(join(place, 'edgepoll'))
      .map((name) => name.replace(/-.*/, ''))
      .toSorted();
  t.deepEqual(names(), ['killed', 'running']);
  t.is((await run(process.execPath, making('other', ''), env)).code, 0);
  t.deepEqual(names(), ['other', 'running']);
  running?.process.kill('SIGKILL');
  await running?.ended;
  t.is((await run(process.execPath, making('another', ''), env)).code, 0);
  t.deepEqual(names(), ['another', 'other']);
});

test('a cache that cannot be made is one line', async (t) => {
  const file = join(folder(t), 'file');
  writeFileSync(file, '');
  for (const place of [file, '/proc/edgepoll']) {
    const ended = await run(process.execPath, making('any', ''), { XDG_CACHE_HOME: place });
    t.deepEqual({ code: ended.code, stdout: ended.stdout }, { code: 1, stdout: '' });
    t.regex(
      ended.stderr,
      /^set-up: the cache \S+\/edgepoll cannot be made \(.+\): name another folder in XDG_CACHE_HOME\.\n$/,
    );
    t.true(ended.stderr.includes(`the cache ${place}/edgepoll `));
  }
});

const failures = {
  'ERROR: Exception:\nTraceback (most recent call last):\n  File "pip.py", line 1\nOSError: [Errno 28] No space left on device':
    'OSError: [Errno 28] No space left on device',
  'WARNING: Retrying\nERROR: Could not find a version that satisfies the requirement\nERROR: No matching distribution':
    'ERROR: Could not find a version that satisfies the requirement',
};

for (const [printed, said] of Object.entries(failures)) {
  test(`a failed pip is one line: ${said}`, async (t) => {
    const place = folder(t);
    mkdirSync(join(place, 'bin'));
    const script = `#!/bin/sh\ncat >&2 <<'END'\n${printed}\nEND\nexit 2\n`;
    writeFileSync(join(place, 'bin/python3'), script);
    chmodSync(join(place, 'bin/python3'), 0o755);
    const env = { XDG_CACHE_HOME: place, PATH: `${place}/bin:${process.env['PATH']}` };
    const make = "await unpackWheels(folder, ['zizmor']);";
    const { code, stdout, stderr } = await run(process.execPath, making('any', make), env);
    const text = `set-up: pip could not install zizmor: ${said}: check the network and run this again.\n`;
    t.deepEqual({ code, stdout, stderr }, { code: 1, stdout: 'begun\n', stderr: text });
    t.deepEqual(readdirSync(join(place, 'edgepoll')), []);
  });
}
