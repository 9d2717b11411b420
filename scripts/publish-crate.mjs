// Publishes the crate edgepoll to crates.io: node scripts/publish-crate.mjs TAG [--dry-run]. It refuses another version than
// the tag's, and does nothing if crates.io has that version already. edgepoll-node is no crate for others: it is the addon.

import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { run } from './lib/run.mjs';
import { currentVersion } from './lib/versions.mjs';

const usage = 'usage: node scripts/publish-crate.mjs TAG [--dry-run]';
const { version, isDryRun } = readArguments();

if (isPublished()) {
  console.log(`publish-crate: edgepoll ${version} is published already`);
} else {
  const options = isDryRun ? ['--dry-run', '--allow-dirty'] : [];
  const { code } = await run('cargo', ['publish', '-p', 'edgepoll', '--locked', ...options]);
  process.exitCode = code === 0 ? 0 : 1;
}

function readArguments() {
  try {
    const options = { 'dry-run': { type: 'boolean' } };
    const { values, positionals } = parseArgs({ options, allowPositionals: true });
    const [tag, ...more] = positionals;
    if (tag === undefined || more.length > 0) stopWith(usage, 2);
    if (tag !== `v${currentVersion()}`) {
      stopWith(
        `the tag is ${tag}, and the crate is ${currentVersion()}: nothing was published.`,
        1,
      );
    }
    return { version: currentVersion(), isDryRun: values['dry-run'] ?? false };
  } catch (error) {
    return stopWith(`${error.message}. ${usage}`, 2);
  }
}

/** Asks crates.io. */
function isPublished() {
  const args = ['info', `edgepoll@${version}`, '--registry', 'crates-io', '--quiet'];
  const { status, stderr } = spawnSync('cargo', args, { encoding: 'utf8' });
  if (status === 0) return true;
  if (stderr.includes('could not find `edgepoll')) return false;
  return stopWith(`crates.io could not be asked: ${stderr.trim().split('\n')[0]}`, 1);
}

function stopWith(message, code) {
  console.error(`publish-crate: ${message}`);
  process.exit(code);
}
