// Publishes the crate edgepoll to crates.io: node scripts/publish-crate.mjs TAG [--dry-run]. It refuses another version than
// the tag's, and does nothing if crates.io has that version already. edgepoll-node is no crate for others: it is the addon.

import { spawnSync } from 'node:child_process';
import { run } from './lib/run.mjs';
import { readArguments } from './lib/usage.mjs';
import { currentVersion } from './lib/versions.mjs';

const options = { 'dry-run': { type: 'boolean' } };
const usage = 'node scripts/publish-crate.mjs TAG [--dry-run]';
const { values, positionals } = readArguments(usage, { options, least: 1 });
const [tag] = positionals;
const version = currentVersion();
if (tag !== `v${version}`)
  stopWith(`the tag is ${tag}, and the crate is ${version}: nothing was published.`);

if (isPublished()) {
  console.log(`publish-crate: edgepoll ${version} is published already`);
} else {
  const dryRun = values['dry-run'] ? ['--dry-run', '--allow-dirty'] : [];
  const { code } = await run('cargo', ['publish', '-p', 'edgepoll', '--locked', ...dryRun]);
  process.exitCode = code === 0 ? 0 : 1;
}

/** Asks crates.io. */
function isPublished() {
  const args = ['info', `edgepoll@${version}`, '--registry', 'crates-io', '--quiet'];
  const { status, stderr } = spawnSync('cargo', args, { encoding: 'utf8' });
  if (status === 0) return true;
  if (stderr.includes('could not find `edgepoll')) return false;
  return stopWith(`crates.io could not be asked: ${stderr.trim().split('\n')[0]}`);
}

function stopWith(message) {
  console.error(`publish-crate: ${message}`);
  process.exit(1);
}
