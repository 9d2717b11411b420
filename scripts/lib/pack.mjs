// Packs what is published: a package for each platform with its addon, and the package edgepoll, which names them all as
// optional dependencies. The committed package.json does not name them: npm would look for them when it installs in a clone.

import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { bundle, isCompiled } from './bundle.mjs';
import { inProject } from './root.mjs';
import { run } from './run.mjs';
import { SetupError } from './toolchain.mjs';

const read = (file) => JSON.parse(readFileSync(inProject(file), 'utf8'));

/** What only a clone needs of package.json. `private` keeps npm from publishing a clone, which lacks the optional dependencies. */
const ofClones = ['private', 'scripts', 'devDependencies', 'napi'];

/** The names of all targets. */
export const targetNames = readdirSync(inProject('npm')).toSorted();

/** The target of this clone's own addon. */
function ownTarget() {
  const own = targetNames.find((name) => existsSync(ownAddon(name)));
  if (own === undefined) throw new SetupError('native/ has no addon: run `npm run build:native`.');
  return own;
}

function ownAddon(name) {
  return inProject(`native/edgepoll.${name}.node`);
}

/** Where the addon of a target is: in npm/, or in native/ if the clone has built it for itself; `undefined` if it is not built. */
function addonOf(name) {
  const files = [inProject(`npm/${name}/edgepoll.${name}.node`), ownAddon(name)];
  return files.find((file) => existsSync(file));
}

/** The targets whose addons are built. */
export function builtTargets() {
  return targetNames.filter((name) => addonOf(name) !== undefined);
}

/**
 * Packs the platform packages of `targets`, and then edgepoll, into `folder`. Returns for each its name, the path of the tarball, both sizes in
 * bytes, and its files.
 */
export async function packInto(folder, targets, addonFile = addonOf) {
  const missing = targets.filter((name) => addonFile(name) === undefined);
  if (missing.length > 0) {
    throw new SetupError(
      `no addon for ${missing.join()}: run \`npm run build:target -- ${missing.join(' ')}\`.`,
    );
  }
  if (!isCompiled(inProject('dist')))
    throw new SetupError('dist/ is not compiled: run `npm run build:ts`.');
  mkdirSync(inProject('build'), { recursive: true });
  const stage = mkdtempSync(inProject('build/pack-'));
  try {
    const places = targets.map((name) => stageTarget(`${stage}/${name}`, name, addonFile(name)));
    places.push(await stageRoot(`${stage}/edgepoll`));
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

/** Packs edgepoll with the addon that this clone has built for itself. */
export function packOwn(folder) {
  return packInto(folder, [ownTarget()], ownAddon);
}

function stageTarget(place, name, addon) {
  cpSync(inProject(`npm/${name}`), place, {
    recursive: true,
    filter: (file) => !file.endsWith('.node'),
  });
  cpSync(addon, `${place}/edgepoll.${name}.node`);
  const description = `${place}/package.json`;
  // The loader compares it: a file that is damaged would end the process.
  const checksum = crc32(readFileSync(addon)).toString(16).padStart(8, '0');
  const text = JSON.stringify(
    { ...JSON.parse(readFileSync(description)), crc32: checksum },
    undefined,
    2,
  );
  writeFileSync(description, `${text}\n`);
  cpSync(inProject('LICENSE'), `${place}/LICENSE`);
  return place;
}

async function stageRoot(place) {
  const description = read('package.json');
  for (const name of ofClones) delete description[name];
  const dependencies = targetNames.map((name) => [`edgepoll-${name}`, description.version]);
  description.optionalDependencies = Object.fromEntries(dependencies);
  mkdirSync(place);
  writeFileSync(`${place}/package.json`, `${JSON.stringify(description, undefined, 2)}\n`);
  for (const file of ['README.md', 'LICENSE', 'index.d.ts', 'fd.d.ts', 'epoll.d.ts']) {
    cpSync(inProject(file), `${place}/${file}`);
  }
  await bundle(inProject('dist'), `${place}/dist`);
  return place;
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
