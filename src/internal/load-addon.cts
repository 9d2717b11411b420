/**
 * Finds and loads the addon of this platform. The packages of protocols/ have copies of this file: what differs between packages is in
 * addon-package.cts.
 */
import addonError = require('./addon-error.cjs');
import check = require('./addon-file.cjs');
import ownPackage = require('./addon-package.cjs');

const { errorWith, explain, glibcVersion } = addonError;
const { name: packageName, names, required, variable, version } = ownPackage;
// Not by `require`: a bundle that is an ES module has none, and only the addon itself may be missing from a bundle.
const fs = process.getBuiltinModule('node:fs');
const nodeModule = process.getBuiltinModule('node:module');
const os = process.getBuiltinModule('node:os');
const path = process.getBuiltinModule('node:path');
/** The path of this file or, in a bundle, of the bundle. A bundle that is an ES module has none. */
const ownPath = typeof __filename === 'string' ? __filename : undefined;

interface DenoGlobal {
  build: { target: string };
  permissions: { querySync: (permission: object) => { state: string } };
}
const { Deno: deno } = globalThis as { Deno?: DenoGlobal };

type Name = (typeof names)[number];

/**
 * Finds the addon, in this order: the file in the environment variable, the one that a clone has built, the optional dependency.
 */
function load(): unknown {
  const { arch, platform } = process;
  if (platform !== 'linux') {
    const advice = "import it only where process.platform is 'linux'";
    throw errorWith(
      'ERR_UNSUPPORTED_PLATFORM',
      `${packageName} needs Linux, and this is ${platform}: ${advice}`,
    );
  }
  const chosen = chosenFile();
  if (chosen !== undefined) {
    const other = `name one of this version in ${variable}, or unset the variable`;
    return open(path.resolve(chosen), `${variable}'s file`, other);
  }

  const name = `linux-${cpuName(arch)}-${libcName(arch)}`;
  const known = names.find((each) => each === name);
  if (known === undefined) {
    const advice = `build it from its sources, and give the path of the addon in ${variable}`;
    throw errorWith(
      'ERR_UNSUPPORTED_PLATFORM',
      `${packageName} has no addon for ${name}, only for ${names.join(', ')}: ${advice}`,
    );
  }
  const built = fileOfClone(known);
  return built !== undefined && isThere(built)
    ? open(built, "the clone's addon", 'run `npm run build`')
    : fromPackage(known);
}

/** The value of the environment variable. It counts as not set where Deno has no permission to read it. */
function chosenFile(): string | undefined {
  if (!isAllowed({ name: 'env', variable })) return undefined;
  return process.env[variable] || undefined;
}

/** Where a clone has its own addon: in native/, beside dist/. A bundle has none: files at that place belong to another package. */
function fileOfClone(name: Name): string | undefined {
  if (!ownPath?.endsWith('/dist/internal/load-addon.cjs')) return undefined;
  return path.join(ownPath, `../../../native/${packageName}.${name}.node`);
}

/** Whether Deno gives this permission without asking at the terminal. Other runtimes do not ask. */
function isAllowed(permission: object): boolean {
  return deno === undefined || deno.permissions.querySync(permission).state === 'granted';
}

/** Whether the file exists and this process may look for it. */
function isThere(file: string): boolean {
  try {
    return isAllowed({ name: 'read', path: file }) && fs.existsSync(file);
  } catch {
    return false;
  }
}

/** The processor, as it is written in the names. The addon for ARM needs ARMv7; on an older one it would end the process. */
function cpuName(arch: string): string {
  if (arch !== 'arm') return arch;
  const machine = os.machine();
  return /^armv[4-6]/.test(machine) ? machine : arch;
}

/**
 * The C library of this process, with the ABI as it is written in the names. The machine may have both: a Node.js for musl runs on
 * a system with glibc too.
 */
function libcName(arch: string): string {
  const libc = usesMusl() ? 'musl' : 'gnu';
  return arch === 'arm' ? `${libc}eabihf` : libc;
}

function usesMusl(): boolean {
  if (deno !== undefined) return deno.build.target.endsWith('musl');
  try {
    // What the process has mapped. This takes half a millisecond, and the report below up to a hundred times as long.
    // musl's linker is its library too. Where its name is a link, the library's is seen; glibc's is libc.so.6.
    return /\/(?:ld-musl-|libc\.musl-|libc\.so$)/m.test(
      fs.readFileSync('/proc/self/maps', 'latin1'),
    );
  } catch {
    // Refused by --permission.
  }
  return glibcVersion() === undefined;
}

/** Loads a file that no package manager has chosen. `remedy` is what helps if it is of another version. */
function open(file: string, what: string, remedy: string): unknown {
  try {
    check(file);
    const into: { exports: unknown } = { exports: {} };
    process.dlopen(into, file);
    return sameVersion(into.exports, `${what} ${file}`, remedy);
  } catch (error) {
    throw explain(error, `${what} ${file}`);
  }
}

/** What helps if an installed addon is not whole or of another version. `npm install` alone leaves a package that is there. */
const installAgain = 'remove node_modules and install again on this machine';

/** The optional dependency for a platform. */
function packageOf(name: Name): string {
  return `${packageName}-${name}`;
}

/** Loads the optional dependency. */
function fromPackage(name: Name): unknown {
  try {
    const file = fileOf(name);
    if (file !== undefined) check(file, { crc32: checksumBeside(file), remedy: installAgain });
    const addon = required(name, (error) => notFound(name, error));
    return sameVersion(addon, `its addon ${file ?? packageOf(name)}`, installAgain);
  } catch (error) {
    throw explain(error, packageOf(name));
  }
}

/** The checksum of the addon, which is written into its package when that is packed. */
function checksumBeside(file: string): string | undefined {
  const text = fs.readFileSync(path.join(path.dirname(file), 'package.json'), 'utf8');
  return (JSON.parse(text) as { crc32?: string }).crc32;
}

/** The path of a module; `undefined` in a bundle. Throws if it is not found. */
function resolve(name: string): string | undefined {
  // Not `require.resolve`, which bundlers replace.
  return ownPath && nodeModule.createRequire(ownPath).resolve(name);
}

/** Where the package's addon is; `undefined` in a bundle, and if it is not found. */
function fileOf(name: Name): string | undefined {
  try {
    return resolve(packageOf(name));
  } catch {
    return undefined;
  }
}

/** Whether the package is installed, although its addon is missing. */
function isInstalled(name: Name): boolean {
  try {
    return resolve(`${packageOf(name)}/package.json`) !== undefined;
  } catch {
    return false;
  }
}

/** Throws what a `require` of the optional dependency has thrown, or says that it is missing. */
function notFound(name: Name, error: unknown): never {
  if (!isMissing(error as NodeJS.ErrnoException)) throw error;
  const wanted = packageOf(name);
  if (isInstalled(name)) {
    const lost = `${wanted} is installed, and its file with the addon is missing`;
    throw errorWith('ERR_ADDON_MISSING', `${lost}: ${installAgain}`, error);
  }
  const others = names.filter((each) => each !== name && fileOf(each) !== undefined);
  const found = others.length > 0 ? `, only ${others.map(packageOf).join()}` : '';
  throw errorWith(
    'ERR_ADDON_MISSING',
    `${wanted}, an optional dependency of ${packageName} with its addon, is not installed${found}: install ${packageName} again ` +
      'on this machine, without --omit=optional; keep it out of bundles',
    error,
  );
}

/** Whether the error says that the package is not there, or that a bundle cannot reach it. */
function isMissing({ code, message, name }: NodeJS.ErrnoException): boolean {
  // The last is what a single executable of Node.js says.
  const codes = ['MODULE_NOT_FOUND', 'ERR_MODULE_NOT_FOUND', 'ERR_UNKNOWN_BUILTIN_MODULE'];
  // In an ES module rollup leaves `require` as it is, and esbuild puts a function there that throws. So does Bun for a package that
  // it did not find.
  const isBundled = name === 'ReferenceError' || /^(Dynamic|Cannot) require /.test(message);
  return isBundled || codes.includes(code ?? '');
}

/** Returns the addon if it is this package's, of this version. `what` names it, as the subject of a sentence. */
function sameVersion(addon: unknown, what: string, remedy: string): unknown {
  // edgepoll's own addon does not name its package.
  const { PACKAGE: owner = 'edgepoll', VERSION: theirs } = addon as Record<string, unknown>;
  const isOurs = owner === packageName && typeof theirs === 'string';
  if (isOurs && theirs === version) return addon;
  const found = isOurs ? theirs : 'the addon of another package';
  throw errorWith(
    'ERR_ADDON_MISMATCH',
    `${packageName} is version ${version}, and ${what} is ${found}: ${remedy}`,
  );
}

export = load;
