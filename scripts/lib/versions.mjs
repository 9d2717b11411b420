// The one version of the npm packages and the crates: where it stands, and whether all places agree.

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { protocols } from './addons.mjs';
import { inProject } from './root.mjs';

/** A version as npm and cargo both take it: https://semver.org, without build metadata. */
const semver =
  /^(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)(?:-(?:[1-9A-Za-z-][\dA-Za-z-]*|0)(?:\.(?:[1-9A-Za-z-][\dA-Za-z-]*|0))*)?$/;

export function isVersion(text) {
  return semver.test(text);
}

/** Whether `one` comes before `other`, by their numbers; of the same numbers, a pre-release comes before the release. */
export function isLower(one, other) {
  const [numbers, others] = [one, other].map((version) => version.split('-')[0]);
  const order = numbers.localeCompare(others, 'en', { numeric: true });
  return order === 0 ? one.includes('-') && !other.includes('-') : order < 0;
}

const jsonVersion = /(?<=^ {2}"version": ")[^"]+/gm;

/** The files that hold the version. Each pattern matches the version alone. */
function places() {
  const platforms = readdirSync(inProject('npm')).map((name) => `npm/${name}/package.json`);
  const plugins = protocols.map((name) => `protocols/${name}/package.json`);
  return [
    { path: 'package.json', pattern: jsonVersion },
    { path: 'templates/protocol/package.json', pattern: jsonVersion },
    { path: 'src/internal/addon-package.cts', pattern: /(?<=^const version = ')[^']+/gm },
    { path: 'package-lock.json', pattern: /(?<="name": "edgepoll",\n *"version": ")[^"]+/g },
    ...platforms
      .filter((path) => existsSync(inProject(path)))
      .map((path) => ({ path, pattern: jsonVersion })),
    ...plugins.flatMap((path) => [
      { path, pattern: jsonVersion },
      // The peer dependency: a later edgepoll of the same API does too.
      { path, pattern: /(?<="edgepoll": "\^)[^"]+/g },
    ]),
    { path: 'Cargo.toml', pattern: /(?<=^\[workspace\.package\]\nversion = ")[^"]+/gm },
    {
      path: 'Cargo.toml',
      pattern: /(?<=^edgepoll(?:-[a-z]+)? = \{ path = "[^"]+", version = ")[^"]+/gm,
    },
    { path: 'Cargo.lock', pattern: /(?<=^name = "edgepoll(?:-[a-z]+)*"\nversion = ")[^"]+/gm },
  ];
}

const read = (path) => readFileSync(inProject(path), 'utf8');

/** The version in package.json. */
export function currentVersion() {
  return JSON.parse(read('package.json')).version;
}

/** What keeps the files from agreeing on one version; empty if they do. */
export function disagreements() {
  const wanted = currentVersion();
  const wrong = [];
  for (const { path, pattern } of places()) {
    const found = read(path).match(pattern) ?? [];
    if (found.length === 0) wrong.push(`${path}: no version where ${pattern} looks`);
    for (const version of new Set(found)) {
      if (version !== wanted) wrong.push(`${path}: ${version}, and package.json has ${wanted}`);
    }
  }
  const [newest] = releases(read('CHANGELOG.md'));
  if (newest !== undefined && newest !== wanted) {
    wrong.push(`CHANGELOG.md: its newest version is ${newest}, and package.json has ${wanted}`);
  }
  return wrong;
}

/** Writes `version` into every place but CHANGELOG.md. */
export function setVersion(version) {
  for (const { path, pattern } of places()) {
    writeFileSync(
      inProject(path),
      read(path).replace(pattern, () => version),
    );
  }
}

/** What CHANGELOG.md says of a version, or of "Unreleased"; undefined if it has no section for it. */
export function notes(version, changelog = read('CHANGELOG.md')) {
  const section = changelog.split(/^## /m).find((text) => text.startsWith(`[${version}]`));
  return section?.slice(section.indexOf('\n')).trim();
}

/** Makes the section "Unreleased" of CHANGELOG.md that of `version`, under an empty one. */
export function releaseNotes(version, date) {
  const heading = '## [Unreleased]\n';
  const changelog = read('CHANGELOG.md').replace(
    heading,
    () => `${heading}\n## [${version}] - ${date}\n`,
  );
  writeFileSync(inProject('CHANGELOG.md'), changelog);
}

/** The released versions that CHANGELOG.md has sections of, the newest first. */
export function releases(changelog = read('CHANGELOG.md')) {
  return Array.from(changelog.matchAll(/^## \[(\d[^\]]*)\] - /gm), ([, version]) => version);
}
