// Packs what is published. For edgepoll and each protocol: a package for each platform with its addon, and the package itself, which
// names them all as optional dependencies. The committed package.json does not name them: npm would look for them when it installs in a
// clone. And create-edgepoll-protocol, the template of protocols.

import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { builtAddon, ownAddon, ownTarget, packagesWithAddons, targetNames } from './addons.mjs';
import { bundle, isCompiled, protocolEntries } from './bundle.mjs';
import { inProject } from './root.mjs';
import { run } from './run.mjs';
import { SetupError } from './toolchain.mjs';

const read = (file) => JSON.parse(readFileSync(inProject(file), 'utf8'));

/** What only a clone needs of package.json. `private` keeps npm from publishing a clone, which lacks the optional dependencies. */
const ofClones = ['private', 'scripts', 'devDependencies', 'napi'];

const [edgepoll] = packagesWithAddons;
const template = 'templates/protocol';
const templateName = read(`${template}/package.json`).name;

/** The names of the packages, without those of platforms, in the order in which they depend on each other. */
const packageNames = [...packagesWithAddons.map(({ name }) => name), templateName];

/** The targets for which the addons of all packages are built. */
export function builtTargets() {
  return targetNames.filter((target) =>
    packagesWithAddons.every((one) => builtAddon(target, one) !== undefined),
  );
}

/**
 * Packs the packages `names` into `folder`: for each with an addon the platform packages of `targets`, and then the package itself. Returns
 * for each its name, the path of the tarball, both sizes in bytes, and its files. `addonFile` gives the path of a package's addon for a
 * target.
 */
export async function packInto(
  folder,
  targets,
  { names = packageNames, addonFile = builtAddon } = {},
) {
  const chosen = packagesWithAddons.filter(({ name }) => names.includes(name));
  const missing = targets.filter((target) =>
    chosen.some((one) => addonFile(target, one) === undefined),
  );
  if (missing.length > 0) {
    throw new SetupError(
      `no addon for ${missing.join()}: run \`npm run build:target -- ${missing.join(' ')}\`.`,
    );
  }
  for (const one of chosen) requireModules(one);
  mkdirSync(inProject('build'), { recursive: true });
  const stage = mkdtempSync(inProject('build/pack-'));
  try {
    const places = [];
    for (const one of chosen) {
      for (const target of targets)
        places.push(stageTarget(stage, one, target, addonFile(target, one)));
      places.push(await stagePackage(stage, one));
    }
    if (names.includes(templateName)) places.push(stageTemplate(stage));
    const packed = [];
    for (const place of places) packed.push(await npmPack(place, stage));
    // All at the end: if a package cannot be packed, the folder gets none.
    mkdirSync(folder, { recursive: true });
    for (const one of packed) {
      const tarball = path.resolve(folder, path.basename(one.tarball));
      cpSync(one.tarball, tarball);
      one.tarball = tarball;
    }
    return packed;
  } finally {
    rmSync(stage, { recursive: true });
  }
}

/** Packs the packages `names` with the addons that this clone has built for itself. */
export function packOwn(folder, names = [edgepoll.name]) {
  const addonFile = (target, one) => inProject(ownAddon(target, one));
  return packInto(folder, [ownTarget()], { names, addonFile });
}

/** Makes the folder of a platform package: the one of npm/, with the package's name in edgepoll's place. Returns its path. */
export function stageTarget(stage, { name, folder }, target, addon) {
  const place = `${stage}/${name}-${target}`;
  mkdirSync(place);
  const description = JSON.parse(ofPackage(name, `npm/${target}/package.json`));
  description.repository.directory = folder === '.' ? undefined : folder;
  if (addon !== undefined) {
    cpSync(addon, `${place}/${name}.${target}.node`);
    // The loader compares it: a file that is damaged would end the process.
    description.crc32 = crc32(readFileSync(addon)).toString(16).padStart(8, '0');
  }
  writeJson(`${place}/package.json`, description);
  writeFileSync(`${place}/README.md`, ofPackage(name, `npm/${target}/README.md`));
  cpSync(inProject('LICENSE'), `${place}/LICENSE`);
  return place;
}

/** The text of a file of edgepoll's, for another package. Addresses stay. */
function ofPackage(name, file) {
  return readFileSync(inProject(file), 'utf8').replaceAll(/(?<!\/)\bedgepoll\b(?!\/)/g, name);
}

function requireModules({ name, folder }) {
  const isThere =
    name === edgepoll.name
      ? isCompiled(inProject('dist'))
      : isCompiled(inProject(`${folder}/dist`), protocolEntries);
  if (isThere) return;
  const shown = path.join(folder, 'dist/');
  const step = name === edgepoll.name ? 'build:ts' : 'build:protocols';
  throw new SetupError(`${shown} is not compiled: run \`npm run ${step}\`.`);
}

/** Makes the folder of a package that has platform packages. */
async function stagePackage(stage, { name, folder }) {
  const place = `${stage}/${name}`;
  mkdirSync(place);
  const description = published(`${folder}/package.json`);
  const dependencies = targetNames.map((target) => [`${name}-${target}`, description.version]);
  description.optionalDependencies = Object.fromEntries(dependencies);
  writeJson(`${place}/package.json`, description);
  cpSync(inProject(`${folder}/README.md`), `${place}/README.md`);
  cpSync(inProject('LICENSE'), `${place}/LICENSE`);
  const from = inProject(`${folder}/dist`);
  if (name === edgepoll.name) {
    for (const file of ['index.d.ts', 'fd.d.ts', 'epoll.d.ts'])
      cpSync(inProject(file), `${place}/${file}`);
    await bundle(from, `${place}/dist`);
  } else {
    await bundle(from, `${place}/dist`, protocolEntries);
    cpSync(from, `${place}/dist`, { recursive: true, filter: isDeclaration });
  }
  return place;
}

/** Whether a path in dist/ is a declaration, or a folder that may have some. */
function isDeclaration(file) {
  return file.endsWith('.d.ts') || file.endsWith('/dist');
}

/** Makes the folder of the template: what its package.json lists. */
function stageTemplate(stage) {
  const place = `${stage}/${templateName}`;
  mkdirSync(place);
  const description = published(`${template}/package.json`);
  writeJson(`${place}/package.json`, description);
  for (const name of [...description.files, 'README.md'])
    cpSync(inProject(`${template}/${name}`), `${place}/${name}`, { recursive: true });
  cpSync(inProject('LICENSE'), `${place}/LICENSE`);
  return place;
}

/** A package.json of the clone as it is published. */
function published(file) {
  const description = read(file);
  for (const name of ofClones) delete description[name];
  return description;
}

function writeJson(file, value) {
  writeFileSync(file, `${JSON.stringify(value, undefined, 2)}\n`);
}

async function npmPack(place, folder) {
  const args = ['pack', '--json', '--loglevel=error', '--pack-destination', folder];
  const { code, text } = await run('npm', args, { cwd: place, output: 'keep' });
  if (code !== 0) throw new SetupError(`npm pack failed with code ${code}: ${text}`);
  const [{ name, filename, size, unpackedSize, files }] = JSON.parse(text);
  return {
    name,
    tarball: `${folder}/${filename}`,
    packed: size,
    unpacked: unpackedSize,
    files: files.map((file) => file.path),
  };
}
