// Publishes a folder of tarballs, as scripts/pack.mjs makes them, to npm: node scripts/publish.mjs FOLDER TAG [--dry-run]
// Platform packages come first. Otherwise npm could install a package before its addon is published. Then come edgepoll, the protocols,
// which need it, and the template, whose packages need it too.
// Everything is checked before anything is published. What the registry has already is left out, so a run that failed
// half-way is simply run again.

import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { packagesWithAddons, targetNames } from './lib/addons.mjs';
import { run } from './lib/run.mjs';
import { explain, SetupError } from './lib/toolchain.mjs';
import { readArguments, refuseArguments } from './lib/usage.mjs';
import { isVersion } from './lib/versions.mjs';

const templateName = 'create-edgepoll-protocol';
/** The names of each package's platform packages. */
const platforms = new Map(
  packagesWithAddons.map(({ name }) => [name, targetNames.map((target) => `${name}-${target}`)]),
);

const { folder, version, isDryRun } = chosen();
try {
  await publishAll();
} catch (error) {
  console.error(`publish: ${explain(error)}`);
  process.exitCode = 1;
}

function chosen() {
  const options = { 'dry-run': { type: 'boolean' } };
  const usage = 'node scripts/publish.mjs FOLDER TAG [--dry-run]';
  const { values, positionals } = readArguments(usage, { options, least: 2 });
  const [given, tag] = positionals;
  if (!statSync(given, { throwIfNoEntry: false })?.isDirectory()) {
    refuseArguments(`'${given}' is no folder: name the one with the tarballs. usage: ${usage}`);
  }
  if (!tag.startsWith('v') || !isVersion(tag.slice(1))) {
    refuseArguments(
      `'${tag}' is no tag of a release, such as v1.2.3 or v1.2.3-rc.1. usage: ${usage}`,
    );
  }
  return { folder: given, version: tag.slice(1), isDryRun: values['dry-run'] ?? false };
}

async function publishAll() {
  const packages = inOrder(readTarballs());
  const published = await Promise.all(packages.map(isPublished));
  const left = packages.filter((_, index) => !published[index]);
  for (const { name } of packages.filter((_, index) => published[index])) {
    console.log(`publish: ${name}@${version} is published already`);
  }
  for (const [index, { name, file }] of left.entries()) {
    console.log(`publish: [${index + 1}/${left.length}] ${name}@${version} …`);
    const { code } = await run('npm', ['publish', file, ...publishOptions()]);
    if (code !== 0) {
      throw new SetupError(
        `npm could not publish ${name}@${version}, see above; ${left.length - index} of ${packages.length} packages are missing. ` +
          'Run this again: it leaves out those that are published.',
      );
    }
  }
  console.log(
    isDryRun
      ? `publish: dry run: ${left.length} of ${packages.length} packages would have been published`
      : `publish: all ${packages.length} packages of ${version} are published`,
  );
}

function publishOptions() {
  const options = ['--access', 'public', '--ignore-scripts', '--loglevel', 'warn'];
  // Otherwise a pre-release would become what `npm install edgepoll` installs.
  if (version.includes('-')) options.push('--tag', 'next');
  if (process.env.ACTIONS_ID_TOKEN_REQUEST_URL !== undefined) options.push('--provenance');
  if (isDryRun) options.push('--dry-run');
  return options;
}

function readTarballs() {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.tgz'))
    .map((file) => {
      const tarball = path.resolve(folder, file);
      const manifest = spawnSync('tar', ['xzOf', tarball, 'package/package.json'], {
        encoding: 'utf8',
      });
      if (manifest.status !== 0) throw new SetupError(`${file} is no tarball of a package`);
      const sha512 = createHash('sha512').update(readFileSync(tarball)).digest('base64');
      const { name, version: found, optionalDependencies } = JSON.parse(manifest.stdout);
      const integrity = `sha512-${sha512}`;
      return { name, version: found, optionalDependencies, file: tarball, integrity };
    });
}

/** The packages in the order in which they are published. Throws unless they are exactly those of this version. */
function inOrder(packages) {
  const first = [...platforms.values()].flat();
  const order = [...first, ...platforms.keys(), templateName];
  const wrong = [];
  for (const name of order) {
    const { length } = packages.filter((each) => each.name === name);
    if (length !== 1)
      wrong.push(`${length === 0 ? 'no tarball' : `${length} tarballs`} of ${name}`);
  }
  for (const { name, version: found } of packages) {
    if (!order.includes(name)) wrong.push(`${name} is no package of this repository`);
    if (found !== version) wrong.push(`${name} is ${found}, and the tag says ${version}`);
  }
  for (const { name, optionalDependencies } of packages) {
    for (const platform of platforms.get(name) ?? []) {
      const wanted = optionalDependencies?.[platform];
      if (wanted !== version)
        wrong.push(`${name} depends on ${platform} ${wanted}, not ${version}`);
    }
  }
  if (wrong.length > 0) throw new SetupError(`nothing was published: ${wrong.join('; ')}`);
  return packages.toSorted((one, other) => order.indexOf(one.name) - order.indexOf(other.name));
}

/** Whether the registry has this very tarball. Throws if it has another one under the same name and version. */
async function isPublished({ name, integrity }) {
  const args = ['view', `${name}@${version}`, 'dist.integrity', '--json', '--prefer-online'];
  // npm exits with an error, but prints its answer, if there is no such package.
  const { stdout, stderr } = await promisify(execFile)('npm', args).catch((error) => error);
  const answer = stdout ? JSON.parse(stdout) : undefined;
  if (answer?.error?.code === 'E404') return false;
  // Nothing at all is the answer for a package without this version.
  if (answer === undefined && stderr === '') return false;
  if (typeof answer !== 'string') {
    const [reason] = (stderr || answer.error.summary).trim().split('\n');
    throw new SetupError(
      `nothing was published: npm could not ask the registry about ${name}: ${reason}`,
    );
  }
  if (answer === integrity) return true;
  throw new SetupError(
    `nothing was published: ${name}@${version} is in the registry with other contents. ` +
      'Publish the tarballs of the run that published it, or release a new version.',
  );
}
