// Sets the one version of all packages and crates, and gives the changes of CHANGELOG.md's section "Unreleased" that
// version and today's date: node scripts/version.mjs 1.2.3
// With --check it compares the files, and a tag with them, and changes nothing. With --notes it prints what CHANGELOG.md says
// of a tag's version.

import { readArguments, refuseArguments } from './lib/usage.mjs';
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
  'node scripts/version.mjs VERSION (such as 1.2.3 or 1.2.3-rc.1) | --check [TAG] | --notes TAG';

const options = { check: { type: 'boolean' }, notes: { type: 'string' } };
const { values, positionals } = readArguments(usage, { options, most: 1 });
const [given] = positionals;
const asked = [values.check, values.notes, values.check ? undefined : given];
if (asked.filter((one) => one !== undefined).length !== 1) refuseArguments(`usage: ${usage}`);
if (values.check) check(given);
else if (values.notes !== undefined) showNotes(versionOf(values.notes));
else set(given);

function check(tag) {
  const wrong = disagreements();
  const version = currentVersion();
  if (tag !== undefined && versionOf(tag) !== version) {
    wrong.push(`the tag is ${tag}, and package.json has ${version}`);
  }
  if (tag !== undefined && !releases().includes(version)) {
    wrong.push(`CHANGELOG.md has no section for ${version}: set the version by this script`);
  }
  if (wrong.length > 0) stopWith(`versions:\n${wrong.join('\n')}`);
  console.log(`versions: ${version} everywhere`);
}

function showNotes(version) {
  const text = notes(version);
  if (text === undefined) stopWith(`CHANGELOG.md has no section for ${version}.`);
  console.log(text);
}

function versionOf(tag) {
  if (!isVersion(tag.slice(1)) || !tag.startsWith('v'))
    refuseArguments(`'${tag}' is no tag of a release, such as v1.2.3. usage: ${usage}`);
  return tag.slice(1);
}

function set(version) {
  if (!isVersion(version)) refuseArguments(`'${version}' is no version. usage: ${usage}`);
  if (releases().includes(version)) stopWith(`CHANGELOG.md has a section for ${version} already.`);
  const [newest = currentVersion()] = releases();
  if (isLower(version, newest)) stopWith(`${version} is lower than ${newest}.`);
  if (!notes('Unreleased')) {
    stopWith('CHANGELOG.md has nothing under "Unreleased": write first what users notice.');
  }
  setVersion(version);
  releaseNotes(version, new Date().toISOString().slice(0, 10));
  check();
}

function stopWith(message) {
  console.error(message);
  process.exit(1);
}
