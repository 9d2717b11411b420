// Publishes the crates edgepoll-protocol, edgepoll and those of protocols/ to crates.io: node scripts/publish-crate.mjs TAG [--dry-run].
// It refuses another version than the tag's, and leaves out what crates.io has already. cargo publishes edgepoll-protocol first, since
// the others depend on it. edgepoll-node is no crate for others: it is the addon.

import { spawnSync } from 'node:child_process';
import { protocols } from './lib/addons.mjs';
import { run } from './lib/run.mjs';
import { readArguments } from './lib/usage.mjs';
import { currentVersion } from './lib/versions.mjs';

const crates = ['edgepoll-protocol', 'edgepoll', ...protocols.map((name) => `edgepoll-${name}`)];
const options = { 'dry-run': { type: 'boolean' } };
const usage = 'node scripts/publish-crate.mjs TAG [--dry-run]';
const { values, positionals } = readArguments(usage, { options, least: 1 });
const [tag] = positionals;
const version = currentVersion();
if (tag !== `v${version}`)
  stopWith(`the tag is ${tag}, and the crates are ${version}: nothing was published.`);

const wanted = crates.filter((crate) => !isPublished(crate));
for (const crate of crates) {
  if (!wanted.includes(crate)) {
    console.log(`publish-crate: ${crate} ${version} is published already`);
  }
}
if (wanted.length > 0) {
  const names = wanted.flatMap((crate) => ['-p', crate]);
  const dryRun = values['dry-run'] ? ['--dry-run', '--allow-dirty'] : [];
  const { code } = await run('cargo', ['publish', ...names, '--locked', ...dryRun]);
  process.exitCode = code === 0 ? 0 : 1;
}

/** Asks crates.io. */
function isPublished(crate) {
  const args = ['info', `${crate}@${version}`, '--registry', 'crates-io', '--quiet'];
  const { status, stderr } = spawnSync('cargo', args, { encoding: 'utf8' });
  if (status === 0) return true;
  if (stderr.includes(`could not find \`${crate}`)) return false;
  return stopWith(`crates.io could not be asked: ${stderr.trim().split('\n')[0]}`);
}

function stopWith(message) {
  console.error(`publish-crate: ${message}`);
  process.exit(1);
}
