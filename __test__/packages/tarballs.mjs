// What is published, as tarballs: a package for each platform, and the package itself. The addon of this machine is in its
// platform's package; packages of other platforms, which nobody installs here, have none.

import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { inProject } from '../../scripts/lib/root.mjs';
import { run } from '../../scripts/lib/run.mjs';
import { pack } from '../../scripts/lib/runtimes.mjs';
import { must } from '../../scripts/lib/steps.mjs';

const targets = ['linux-x64-gnu', 'linux-arm64-gnu', 'linux-x64-musl', 'linux-arm64-musl'];

/** Packs everything into `folder`. Returns the tarballs' paths, platforms first. */
export async function packAll(folder) {
  const { version } = JSON.parse(readFileSync(inProject('package.json'), 'utf8'));
  const platforms = [];
  for (const target of targets)
    platforms.push(await packPlatform(`${folder}/${target}`, target, version));
  return [...platforms, await packRoot(`${folder}/root`, version)];
}

async function packPlatform(folder, target, version) {
  const [, cpu, libc] = target.split('-');
  const main = `edgepoll.${target}.node`;
  const description = { name: `edgepoll-${target}`, version, type: 'commonjs', main };
  const fits = { os: ['linux'], cpu: [cpu], libc: [libc === 'gnu' ? 'glibc' : libc] };
  mkdirSync(folder, { recursive: true });
  writeJson(`${folder}/package.json`, { ...description, ...fits });
  const addon = inProject(`native/${main}`);
  if (existsSync(addon)) cpSync(addon, `${folder}/${main}`);
  return packFolder(folder);
}

async function packRoot(folder, version) {
  mkdirSync(folder, { recursive: true });
  const content = `${folder}/content`;
  mkdirSync(content);
  await must('tar', ['xzf', await pack(folder), '-C', content, '--strip-components=1'], 'keep');
  // Installing on another system has to work, so that the package can be a dependency of programs for several systems.
  const description = JSON.parse(readFileSync(`${content}/package.json`, 'utf8'));
  delete description.os;
  const entries = targets.map((target) => [`edgepoll-${target}`, version]);
  writeJson(`${content}/package.json`, {
    ...description,
    optionalDependencies: Object.fromEntries(entries),
  });
  return packFolder(content);
}

async function packFolder(folder) {
  const { code, text } = await run('npm', ['pack', '--silent'], { cwd: folder, output: 'keep' });
  if (code !== 0) throw new Error(`npm pack failed in ${folder}: ${text}`);
  return `${folder}/${text.trim()}`;
}

function writeJson(path, value) {
  writeFileSync(path, JSON.stringify(value));
}
