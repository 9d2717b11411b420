// scripts/publish.mjs against a registry on loopback: node --test __test__/release/publish.mjs
// The packages are small, and have the names of the real ones.

import assert from 'node:assert/strict';
import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { inProject } from '../../scripts/lib/root.mjs';
import { toStderr } from '../../scripts/lib/run.mjs';
import { install, isInstalled } from '../../scripts/lib/steps.mjs';

const targets = readdirSync(inProject('npm')).toSorted();
const withAddons = ['edgepoll', 'edgepoll-resp', 'edgepoll-websocket'];
const platforms = withAddons.flatMap((name) => targets.map((target) => `${name}-${target}`));
const roots = [...withAddons, 'create-edgepoll-protocol'];
const everything = [...platforms, ...roots];

const work = mkdtempSync(path.join(tmpdir(), 'edgepoll-publish-'));
let registry;
let server;

before(async () => {
  if (!isInstalled('__test__/packages')) await install('__test__/packages', toStderr);
  server = spawn(process.execPath, [inProject('__test__/packages/verdaccio.mjs'), work], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [line] = await once(createInterface({ input: server.stdout }), 'line');
  registry = `http://127.0.0.1:${/\d+$/.exec(line)[0]}/`;
  const account = { name: 'tester', password: 'a password of tests' };
  const answer = await fetch(`${registry}-/user/org.couchdb.user:tester`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(account),
  });
  const { token } = await answer.json();
  writeFileSync(`${work}/logged-in`, `${registry.slice(5)}:_authToken=${token}\n`);
  writeFileSync(`${work}/nobody`, '');
});

after(async () => {
  server.kill();
  await once(server, 'close');
  rmSync(work, { recursive: true });
});

/** A folder with tarballs of the named packages. `change` may change a package.json before it is packed. */
function tarballs(version, names = everything, change = () => {}) {
  const folder = mkdtempSync(`${work}/tarballs-`);
  for (const name of names) {
    const manifest = { name, version, description: 'a test' };
    if (withAddons.includes(name)) {
      const its = targets.map((target) => [`${name}-${target}`, version]);
      manifest.optionalDependencies = Object.fromEntries(its);
    }
    change(manifest);
    const content = mkdtempSync(`${work}/content-`);
    mkdirSync(`${content}/package`);
    writeFileSync(`${content}/package/package.json`, JSON.stringify(manifest));
    const packed = spawnSync('tar', ['czf', `${folder}/${name}.tgz`, '-C', content, 'package']);
    assert.equal(packed.status, 0);
  }
  return folder;
}

function publish(args, settings) {
  return start(process.execPath, [inProject('scripts/publish.mjs'), ...args], settings);
}

/** Runs a program for which `address` is the registry, and `user` has an account there or not. */
async function start(program, args, { user = 'logged-in', address = registry } = {}) {
  const env = {
    PATH: process.env.PATH,
    HOME: work,
    npm_config_registry: address,
    npm_config_userconfig: `${work}/${user}`,
    npm_config_update_notifier: 'false',
    npm_config_fetch_retries: '0',
  };
  const { code, stdout, stderr } = await promisify(execFile)(program, args, { env }).catch(
    (error) => error,
  );
  return { status: code ?? 0, stdout, stderr };
}

/** What the registry has of a package: undefined, or its description. */
async function inRegistry(name) {
  const answer = await fetch(registry + name);
  return answer.status === 404 ? undefined : answer.json();
}

async function publishedNames(version) {
  const all = await Promise.all(everything.map(inRegistry));
  return everything.filter((_, index) => all[index]?.versions[version] !== undefined);
}

test('a dry run publishes nothing', async () => {
  const { status, stdout } = await publish([tarballs('1.0.0'), 'v1.0.0', '--dry-run']);
  assert.equal(status, 0);
  const count = everything.length;
  assert.match(stdout, new RegExp(`^publish: dry run: ${count} of ${count} packages would`, 'm'));
  assert.deepEqual(await publishedNames('1.0.0'), []);
});

test('platform packages come first, then edgepoll, and then what needs it; a second run has nothing to do', async () => {
  const folder = tarballs('1.0.0');
  const first = await publish([folder, 'v1.0.0']);
  assert.equal(first.status, 0, first.stderr);
  assert.deepEqual(await publishedNames('1.0.0'), everything);
  const times = await Promise.all(
    everything.map(async (name) => Date.parse((await inRegistry(name)).time['1.0.0'])),
  );
  const lastOnes = times.splice(-roots.length);
  for (const time of times) assert.ok(time < lastOnes[0], `${time} is not before ${lastOnes[0]}`);
  assert.deepEqual(
    lastOnes,
    lastOnes.toSorted((one, other) => one - other),
  );

  const second = await publish([folder, 'v1.0.0']);
  assert.equal(second.status, 0, second.stderr);
  for (const name of everything) {
    assert.match(second.stdout, new RegExp(`^publish: ${name}@1.0.0 is published already$`, 'm'));
  }
  assert.doesNotMatch(second.stdout, /…/);
});

test('a run that failed half-way goes on where it ended', async () => {
  const folder = tarballs('1.1.0');
  const { status, stderr } = await publish([folder, 'v1.1.0'], { user: 'nobody' });
  assert.equal(status, 1);
  assert.match(
    stderr,
    /^publish: npm could not publish edgepoll-linux-\S+@1\.1\.0, see above; .*Run this again/m,
  );
  const half = await start('npm', ['publish', `${folder}/${platforms[1]}.tgz`]);
  assert.equal(half.status, 0);
  const again = await publish([folder, 'v1.1.0']);
  assert.equal(again.status, 0, again.stderr);
  assert.match(
    again.stdout,
    new RegExp(`^publish: ${platforms[1]}@1.1.0 is published already$`, 'm'),
  );
  assert.match(again.stdout, new RegExp(`^publish: \\[1/${everything.length - 1}\\]`, 'm'));
  assert.deepEqual(await publishedNames('1.1.0'), everything);
});

test('a pre-release does not become the latest version', async () => {
  const { status, stderr } = await publish([tarballs('1.2.0-rc.1'), 'v1.2.0-rc.1']);
  assert.equal(status, 0, stderr);
  const { 'dist-tags': tags } = await inRegistry('edgepoll');
  assert.deepEqual(tags, { latest: '1.1.0', next: '1.2.0-rc.1' });
});

test('other contents under a published version are refused', async () => {
  const folder = tarballs('1.0.0', everything, (manifest) => {
    manifest.description = 'another build';
  });
  const { status, stdout, stderr } = await publish([folder, 'v1.0.0']);
  assert.deepEqual([status, stdout], [1, '']);
  assert.match(
    stderr,
    /^publish: nothing was published: \S+@1\.0\.0 is in the registry with other/,
  );
});

const refused = {
  'the tag has another version': {
    folder: () => tarballs('2.0.0'),
    tag: 'v2.0.1',
    message: /edgepoll is 2\.0\.0, and the tag says 2\.0\.1/,
  },
  'a platform package is missing': {
    folder: () => tarballs('2.0.0', everything.slice(1)),
    message: new RegExp(`^publish: nothing was published: no tarball of ${platforms[0]}$`, 'm'),
  },
  'the root package is missing': {
    folder: () =>
      tarballs(
        '2.0.0',
        everything.filter((name) => name !== 'edgepoll'),
      ),
    message: /no tarball of edgepoll$/m,
  },
  'a protocol depends on another version of a platform package': {
    folder: () =>
      tarballs('2.0.0', everything, (manifest) => {
        if (manifest.name !== 'edgepoll-resp') return;
        manifest.optionalDependencies[`edgepoll-resp-${targets[0]}`] = '1.0.0';
      }),
    message: /edgepoll-resp depends on edgepoll-resp-linux-\S+ 1\.0\.0, not 2\.0\.0$/m,
  },
  'a package has another version': {
    folder: () =>
      tarballs('2.0.0', everything, (manifest) => {
        if (manifest.name === platforms[0]) manifest.version = '1.9.9';
      }),
    message: new RegExp(`${platforms[0]} is 1\\.9\\.9, and the tag says 2\\.0\\.0$`, 'm'),
  },
  'the root depends on another version of a platform package': {
    folder: () =>
      tarballs('2.0.0', everything, (manifest) => {
        if (manifest.name === 'edgepoll') manifest.optionalDependencies[platforms[0]] = '^2.0.0';
      }),
    message: new RegExp(`edgepoll depends on ${platforms[0]} \\^2\\.0\\.0, not 2\\.0\\.0$`, 'm'),
  },
  'a package is none of this repository': {
    folder: () => tarballs('2.0.0', [...everything, 'edgepoll-linux-pdp11']),
    message: /edgepoll-linux-pdp11 is no package of this repository$/m,
  },
};

for (const [reason, { folder, tag = 'v2.0.0', message }] of Object.entries(refused)) {
  test(`nothing is published if ${reason}`, async () => {
    const { status, stdout, stderr } = await publish([folder(), tag]);
    assert.deepEqual([status, stdout], [1, '']);
    assert.match(stderr, message);
    assert.deepEqual(await publishedNames('2.0.0'), []);
  });
}

test('nothing is published if a tarball is half-written', async () => {
  const folder = tarballs('2.0.0');
  writeFileSync(`${folder}/${platforms[0]}.tgz`, 'half');
  const { status, stderr } = await publish([folder, 'v2.0.0']);
  assert.equal(status, 1);
  assert.equal(stderr, `publish: ${platforms[0]}.tgz is no tarball of a package\n`);
  assert.deepEqual(await publishedNames('2.0.0'), []);
});

test('a registry that does not answer is no reason to publish', async () => {
  const folder = tarballs('2.0.0');
  const address = 'http://127.0.0.1:1/';
  const { status, stderr } = await publish([folder, 'v2.0.0'], { address });
  assert.equal(status, 1);
  assert.match(
    stderr,
    /^publish: nothing was published: npm could not ask the registry about .*\n$/,
  );
});

test('bad arguments are one line', async () => {
  const folder = tarballs('2.0.0');
  for (const args of [
    [],
    [folder],
    [folder, '2.0.0'],
    [folder, 'v2'],
    [`${folder}/none`, 'v2.0.0'],
    [folder, 'v2.0.0', 'more'],
    [folder, 'v2.0.0', '--dryrun'],
  ]) {
    const { status, stdout, stderr } = await publish(args);
    assert.deepEqual([status, stdout], [2, ''], args.join(' '));
    assert.match(stderr, /^[^\n]*usage: node scripts\/publish\.mjs FOLDER TAG[^\n]*\n$/);
  }
});
