// Sets the one version of all packages and crates, and gives the changes of CHANGELOG.md's section "Unreleased" that
// version and today's date: node scripts/version.mjs 1.2.3
// With --check it compares the files, and a tag with them, and changes nothing. With --notes it prints what CHANGELOG.md says
// of a tag's version.

import {
  currentVersion,
  disagreements,
  isLower,
  isVersion,
  notes,
  releaseNotes,
  releases,
  setVersion,
} from './lib/versions.mjs';

const usage =
  'usage: node scripts/version.mjs VERSION (such as 1.2.3 or 1.2.3-rc.1) | --check [TAG] | --notes TAG';

const [first, second, ...more] = process.argv.slice(2);
if (first === undefined || more.length > 0) stopWith(usage, 2);
if (first === '--check') check(second);
else if (first === '--notes' && second !== undefined) showNotes(versionOf(second));
else if (second === undefined) set(first);
else stopWith(usage, 2);

function check(tag) {
  const wrong = disagreements();
  const version = currentVersion();
  if (tag !== undefined && versionOf(tag) !== version) {
    wrong.push(`the tag is ${tag}, and package.json has ${version}`);
  }
  if (tag !== undefined && !releases().includes(version)) {
    wrong.push(`CHANGELOG.md has no section for ${version}: set the version by this script`);
  }
  if (wrong.length > 0) stopWith(`versions:\n${wrong.join('\n')}`, 1);
  console.log(`versions: ${version} everywhere`);
}

function showNotes(version) {
  const text = notes(version);
  if (text === undefined) stopWith(`CHANGELOG.md has no section for ${version}.`, 1);
  console.log(text);
}

function versionOf(tag) {
  if (!isVersion(tag.slice(1)) || !tag.startsWith('v'))
    stopWith(`'${tag}' is no tag of a release, such as v1.2.3. ${usage}`, 2);
  return tag.slice(1);
}

function set(version) {
  if (!isVersion(version)) stopWith(`'${version}' is no version. ${usage}`, 2);
  if (releases().includes(version))
    stopWith(`CHANGELOG.md has a section for ${version} already.`, 1);
  const [newest = currentVersion()] = releases();
  if (isLower(version, newest)) stopWith(`${version} is lower than ${newest}.`, 1);
  if (!notes('Unreleased')) {
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
