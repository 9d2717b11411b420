// Runs the smoke test on the package as it is published: node scripts/smoke.mjs RUNTIME…
// (node, bun, deno). One job: pack, unpack beside the addon, run __test__/smoke there. Takes Bun
// and Deno from benchmark/, where their versions are pinned, and starts their binaries directly:
// their own launchers need install scripts. Called by the tests.

import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { inProject } from './lib/root.mjs';
import { run, toStderr } from './lib/run.mjs';
import { install, isInstalled, must } from './lib/steps.mjs';
import { failSetUp } from './setup.mjs';

const stage = inProject('build/smoke');
const limitSeconds = 60;

const commands = {
  node: () => [process.execPath],
  bun: () => [pinned(`@oven/bun-linux-${bunBuild()}/bin/bun`), 'run', '--no-install'],
  deno: () => [pinned(`@deno/linux-${byCpu('x64', 'arm64')}-glibc/deno`), 'run', '--allow-all'],
};

const runtimes = process.argv.slice(2);
if (runtimes.length === 0 || runtimes.some((name) => !Object.hasOwn(commands, name))) {
  console.error(
    `usage: node scripts/smoke.mjs RUNTIME…   runtimes: ${Object.keys(commands).join(' ')}`,
  );
  process.exit(2);
}

if (runtimes.some((name) => name !== 'node') && !isInstalled('benchmark')) {
  await install('benchmark', toStderr).catch(failSetUp);
}
await stagePackage().catch(failSetUp);
for (const name of runtimes) await smoke(name);

/** build/smoke becomes a user's project with edgepoll in its node_modules. */
async function stagePackage() {
  const target = `${stage}/node_modules/edgepoll`;
  rmSync(stage, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  await must('npm', ['pack', '--silent', '--pack-destination', stage], toStderr);
  const tarball = readdirSync(stage).find((name) => name.endsWith('.tgz'));
  const into = ['-C', target, '--strip-components=1'];
  await must('tar', ['xzf', `${stage}/${tarball}`, ...into], toStderr);
  // Users get the addon from a package of its own, which exists only once it is published.
  for (const name of readdirSync(inProject('native')).filter((file) => file.endsWith('.node'))) {
    cpSync(inProject(`native/${name}`), `${target}/native/${name}`);
  }
  cpSync(inProject('__test__/smoke'), `${stage}/smoke`, { recursive: true });
  const { version, exports } = JSON.parse(readFileSync(`${target}/package.json`, 'utf8'));
  const entries = Object.values(exports).filter((entry) => typeof entry === 'object');
  for (const path of entries.flatMap((entry) => Object.values(entry))) {
    if (!existsSync(`${target}/${path}`)) fail(`the packed package lacks ${path}`);
  }
  const project = { private: true, type: 'module', dependencies: { edgepoll: version } };
  writeFileSync(`${stage}/package.json`, JSON.stringify(project));
}

async function smoke(name) {
  const [command, ...args] = commands[name]();
  const env = { NO_COLOR: '1', DENO_NO_UPDATE_CHECK: '1', DENO_DIR: `${stage}/.deno` };
  const options = { cwd: stage, env, output: 'tee', seconds: limitSeconds };
  const result = await run(command, [...args, 'smoke/smoke.mjs'], options);
  if (result.timedOut) fail(`${name} did not end within ${limitSeconds} s`);
  if (result.code !== 0) fail(`${name} ended with code ${result.code}`);
  if (!/^smoke ok$/m.test(result.text)) fail(`${name} ended without saying 'smoke ok'`);
  console.log(`smoke: ${name} ok`);
}

function pinned(path) {
  return createRequire(inProject('benchmark/package.json')).resolve(path);
}

function bunBuild() {
  const isOld = process.arch === 'x64' && !readFileSync('/proc/cpuinfo', 'utf8').includes(' avx2');
  return byCpu(isOld ? 'x64-baseline' : 'x64', 'aarch64');
}

function byCpu(x64, arm64) {
  return process.arch === 'arm64' ? arm64 : x64;
}

function fail(message) {
  console.error(`smoke: ${message}`);
  process.exit(1);
}
