// Sets the one version of all packages and crates, and gives the changes of CHANGELOG.md's section "Unreleased" that
// version and today's date: node scripts/version.mjs 1.2.3. With --check it compares the files and changes nothing.

import {
  currentVersion,
  disagreements,
  isVersion,
  releaseNotes,
  releases,
  setVersion,
  unreleasedNotes,
} from './lib/versions.mjs';

const usage = 'usage: node scripts/version.mjs VERSION (such as 1.2.3 or 1.2.3-rc.1), or --check';

const [argument, ...more] = process.argv.slice(2);
if (argument === undefined || more.length > 0) stopWith(usage, 2);
if (argument === '--check') check();
else set(argument);

function check() {
  const wrong = disagreements();
  if (wrong.length > 0) stopWith(`versions:\n${wrong.join('\n')}`, 1);
  console.log(`versions: ${currentVersion()} everywhere`);
}

function set(version) {
  if (!isVersion(version)) stopWith(`'${version}' is no version. ${usage}`, 2);
  if (releases().includes(version))
    stopWith(`CHANGELOG.md has a section for ${version} already.`, 1);
  if (unreleasedNotes() === '') {
    stopWith('CHANGELOG.md has nothing under "Unreleased": write first what users notice.', 1);
  }
  setVersion(version);
  releaseNotes(version, new Date().toISOString().slice(0, 10));
  check();
}

function stopWith(message, code) {
  console.error(message);
  process.exit(code);
}
