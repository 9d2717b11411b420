// Makes what is committed and follows from the list of targets: the folders of the platform packages, npm/NAME, by the napi CLI
// with corrections of ours, and two parts of docs/packaging.md. With --check, it only says whether they are what it makes.

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { inProject } from '../lib/root.mjs';
import { must } from '../lib/steps.mjs';
import { failSetUp } from '../lib/toolchain.mjs';
import { readArguments } from '../lib/usage.mjs';
import { writeDocs, wrongInDocs } from './docs.mjs';
import { packageFolder, targets } from './list.mjs';

const fresh = 'build/npm-dirs';
const rootPackage = readJson('package.json');

/** The files of all platform packages: texts by path, relative to the project. */
async function made() {
  rmSync(inProject(fresh), { recursive: true, force: true });
  mkdirSync(inProject(fresh), { recursive: true });
  const napi = inProject('node_modules/.bin/napi');
  await must(napi, ['create-npm-dirs', '--npm-dir', fresh], 'keep');
  const texts = targets.map((target) => [
    [`${packageFolder(target)}/package.json`, manifest(target)],
    [`${packageFolder(target)}/README.md`, readme(target)],
  ]);
  return Object.fromEntries(texts.flat());
}

function manifest(target) {
  const { name, version, cpu, main, files, license, repository, os, libc } = readJson(
    `${fresh}/${target.name}/package.json`,
  );
  const corrected = {
    name,
    version,
    description: `${rootPackage.name}'s compiled addon for ${platform(target)}`,
    license,
    repository,
    // A file .node is loaded by require, in a package of any type. Bundlers and tracers read the type all the same.
    type: 'commonjs',
    main,
    files,
    // No engines: npm would leave out the package, without a word, where Node.js is older than these say.
    os,
    cpu,
    // The CLI leaves this out for ARM with 32 bits.
    libc: libc ?? [target.glibc === undefined ? 'musl' : 'glibc'],
  };
  return `${JSON.stringify(corrected, null, 2)}\n`;
}

function platform({ name, glibc }) {
  const cpu = name.split('-')[1];
  return `Linux on ${cpu} with ${glibc === undefined ? 'musl' : `glibc ${glibc} or later`}`;
}

function readme(target) {
  const { name } = rootPackage;
  return `# ${name}-${target.name}

The compiled addon of [${name}](https://github.com/edgepoll/edgepoll) for ${platform(target)} (\`${target.triple}\`).

It is an optional dependency of \`${name}\`: \`npm install ${name}\` installs it where it is needed. It has no interface of its own.
`;
}

/** What keeps package.json and the folders from fitting to the list of targets. */
function wrongIn(texts) {
  const wrong = [];
  const triples = targets.map(({ triple }) => triple);
  if (!isDeepStrictEqual(rootPackage.napi.targets, triples))
    wrong.push('package.json: napi.targets are not those of scripts/targets/list.mjs');
  for (const [path, text] of Object.entries(texts)) {
    const found = existsSync(inProject(path)) ? readFileSync(inProject(path), 'utf8') : undefined;
    if (found !== text) wrong.push(`${path}: not what this script makes`);
  }
  const folders = new Set(targets.map((target) => packageFolder(target)));
  for (const name of readdirSync(inProject('npm')))
    if (!folders.has(`npm/${name}`)) wrong.push(`npm/${name}: no target has this name`);
  return wrong;
}

function readJson(path) {
  return JSON.parse(readFileSync(inProject(path), 'utf8'));
}

async function makeOrCheck() {
  const options = { check: { type: 'boolean' } };
  const { values } = readArguments('node scripts/targets/npm-dirs.mjs [--check]', { options });
  const texts = await made();
  if (!values.check) {
    for (const [path, text] of Object.entries(texts)) {
      mkdirSync(inProject(path.replace(/[^/]*$/, '')), { recursive: true });
      writeFileSync(inProject(path), text);
    }
    writeDocs();
  }
  const wrong = [...wrongIn(texts), ...wrongInDocs()];
  for (const line of wrong) console.error(`npm-dirs: ${line}`);
  if (wrong.length > 0) {
    console.error('npm-dirs: node scripts/targets/npm-dirs.mjs makes them');
    process.exit(1);
  }
  console.log(`npm-dirs: ${targets.length} platform packages`);
}

await makeOrCheck().catch(failSetUp);
