// Inspects the ELF files of addons: whether each is for its target, and loads on every system that the target promises.
// node scripts/targets/inspect.mjs NAME… | all inspects what was built.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { packagesWithAddons, targetAddon } from '../lib/addons.mjs';
import { inProject } from '../lib/root.mjs';
import { failSetUp, SetupError } from '../lib/toolchain.mjs';
import { readArguments } from '../lib/usage.mjs';
import { targetsNamed } from './list.mjs';

/** The libraries that an addon may need. Every system with a glibc or musl has them, and so has every Node.js. */
const glibcLibraries =
  /^(libc\.so\.6|libm\.so\.6|libpthread\.so\.0|libdl\.so\.2|librt\.so\.1|ld-linux.*|ld64\.so\.[12])$/;
const muslLibraries = /^libc\.(so|musl-[\w]+\.so\.1)$/;

const entryPoint = 'napi_register_module_v1';
/** What an addon may export: the entry point, and the function that says which version of Node-API it needs. */
const mayExport = new Set([entryPoint, 'node_api_module_get_api_version_v1']);
const mostBytes = 2_000_000;

/** What the addon of each package is for a target: what inspect() found, with the package's `name`. */
export function inspectAll(target) {
  return packagesWithAddons.map((one) => {
    const found = inspect(inProject(targetAddon(target.name, one)), target);
    return Object.assign(found, { name: one.name });
  });
}

/** What an addon is. Throws one line that names all that is wrong with it. */
export function inspect(file, target) {
  const shown = path.relative(inProject(), file);
  if (!existsSync(file))
    throw new SetupError(`${shown} was not built: npm run build:target -- ${target.name}`);
  const found = read(file, shown);
  const wrong = faults(found, target);
  if (wrong.length > 0) throw new SetupError(`${shown}: ${wrong.join('; ')}`);
  const newest = newestOf(found.versions);
  return { ...found, floor: target.glibc === undefined ? 'musl' : `glibc ${newest}` };
}

/** What the file says of itself, without a judgement. */
export function read(file, shown = file) {
  const options = [
    '--wide',
    '--file-header',
    '--segments',
    '--dynamic',
    '--version-info',
    '--sections',
    '--dyn-syms',
  ];
  const env = { ...process.env, LC_ALL: 'C' };
  const { status, stdout, stderr, error } = spawnSync('readelf', [...options, file], {
    encoding: 'utf8',
    env,
    maxBuffer: 2 ** 26,
  });
  if (error !== undefined)
    throw new SetupError(`readelf was not found: install it (Debian: apt-get install binutils)`);
  // readelf ends with 0 after a warning about a file that is cut.
  if (status !== 0 || stderr !== '')
    throw new SetupError(`${shown}: no whole ELF file: ${stderr.split('\n')[0]}`);
  const one = (pattern) => pattern.exec(stdout)?.[1];
  const all = (pattern) => Array.from(stdout.matchAll(pattern), ([, value]) => value);
  const content = readFileSync(file);
  return {
    size: statSync(file).size,
    machine: one(/^ {2}Machine: +(.*)$/m),
    bits: Number(one(/^ {2}Class: +ELF(\d+)$/m)),
    endian: one(/^ {2}Data: .*, (\w+) endian$/m),
    flags: one(/^ {2}Flags: +(.*)$/m),
    type: one(/^ {2}Type: +(\w+)/m),
    needed: all(/\(NEEDED\) .*\[(.*)\]$/gm),
    versions: versionsIn(stdout),
    exported: exportedIn(stdout),
    hasTextRelocations: /\(TEXTREL\)|\(FLAGS\).*\bTEXTREL\b/.test(stdout),
    // Without this header, the stack would be executable too.
    hasPlainStack: /^ {2}GNU_STACK .* RW +\d/m.test(stdout),
    searchPath: one(/\((?:RPATH|RUNPATH)\) .*\[(.*)\]$/m),
    debugSections: all(/^ +\[ *\d+\] (\.symtab|\.debug\w+) /gm),
    hasProjectPath: content.includes(inProject()),
  };
}

/** The newest version of each library's symbols: `{ 'libc.so.6': '2.17' }`. */
function versionsIn(text) {
  const versions = {};
  let library;
  for (const line of text.split('\n')) {
    library = / File: (\S+) /.exec(line)?.[1] ?? library;
    const version = / Name: GLIBC_(\d[\d.]*) /.exec(line)?.[1];
    if (version !== undefined && !isOlder(version, versions[library])) versions[library] = version;
  }
  return versions;
}

/** The symbols that the file gives to others. */
function exportedIn(text) {
  const symbols = text.matchAll(
    /^ +\d+: [0-9a-f]+ +\w+ (\w+) +(?:GLOBAL|WEAK) +\w+ +(?:\[.*\] +)?(\S+) (\S+)$/gm,
  );
  return Array.from(symbols)
    .filter(([, kind, section]) => section !== 'UND' && kind !== 'SECTION')
    .map(([, , , name]) => name);
}

function faults(found, target) {
  const { glibc } = target;
  const libraries = glibc === undefined ? muslLibraries : glibcLibraries;
  const stranger = found.needed.filter((name) => !libraries.test(name));
  const young = Object.entries(found.versions).filter(
    ([, version]) => glibc === undefined || isOlder(glibc, version),
  );
  const extra = found.exported.filter((name) => !mayExport.has(name));
  const wrong = [
    ...['machine', 'bits', 'endian']
      .filter((key) => found[key] !== target[key])
      .map((key) => `its ${key} is ${found[key]}, not ${target[key]}`),
    target.abi !== undefined &&
      !found.flags.split(', ').includes(target.abi) &&
      `its flags are ${found.flags}, without ${target.abi}`,
    found.type !== 'DYN' && `it is no shared library but ${found.type}`,
    stranger.length > 0 && `it needs ${stranger.join(', ')}`,
    ...young.map(
      ([library, version]) =>
        `it needs GLIBC_${version} of ${library}, and the floor is ${glibc ?? 'musl'}`,
    ),
    !found.exported.includes(entryPoint) && `it does not export ${entryPoint}`,
    extra.length > 0 && `it exports ${extra.join(', ')}`,
    found.hasTextRelocations && 'it has text relocations',
    !found.hasPlainStack && 'its stack is executable',
    found.searchPath !== undefined && `it looks for libraries in ${found.searchPath}`,
    found.debugSections.length > 0 &&
      `it is not stripped: it has ${found.debugSections.join(', ')}`,
    found.hasProjectPath && 'it has the path of this folder in it',
    found.size > mostBytes && `it has ${found.size} bytes, more than ${mostBytes}`,
  ];
  return wrong.filter(Boolean);
}

function newestOf(versions) {
  return Object.values(versions).reduce(
    (one, other) => (isOlder(one, other) ? other : one),
    undefined,
  );
}

/** Whether version `one` is older than `other`. None is the oldest. */
function isOlder(one, other) {
  if (one === undefined || other === undefined) return one === undefined && other !== undefined;
  const [left, right] = [one, other].map((text) => text.split('.').map(Number));
  const place = right.findIndex((number, index) => (left[index] ?? 0) !== number);
  return place >= 0 && (left[place] ?? 0) < right[place];
}

async function main() {
  const usage = 'node scripts/targets/inspect.mjs NAME… | all';
  const { positionals } = readArguments(usage, { least: 1, most: Infinity });
  for (const target of targetsNamed(positionals)) {
    for (const { name, size, floor, needed } of inspectAll(target))
      console.log(`${target.name}: ${name}: ${size} bytes, ${floor}, needs ${needed.join(', ')}`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main().catch(failSetUp);
