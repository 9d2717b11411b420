/**
 * The package that an addon belongs to: its name, and a platform package for each target. scripts/lib/loader.mjs makes the same file for
 * the packages of protocols/, by putting their names in place of edgepoll's.
 *
 * This is CommonJS with a literal name in each `require`, because bundlers and tracers look for that to take the addon along.
 */

/** The version of the package. An addon of another one is refused. */
const version = '0.1.0';

/** The platforms that have an addon on npm, each in a package whose name ends with it. */
const names = [
  'linux-x64-gnu',
  'linux-x64-musl',
  'linux-arm64-gnu',
  'linux-arm64-musl',
  'linux-arm-gnueabihf',
  'linux-riscv64-gnu',
  'linux-s390x-gnu',
  'linux-ppc64-gnu',
] as const;
type Name = (typeof names)[number];

/** Loads a platform package, or returns what `failed` makes of the error. */
function required(name: Name, failed: (error: unknown) => unknown): unknown {
  // Bundlers take a name that they do not find for an optional one if it stands in a try statement.
  try {
    switch (name) {
      case 'linux-x64-gnu':
        return require('edgepoll-linux-x64-gnu');
      case 'linux-x64-musl':
        return require('edgepoll-linux-x64-musl');
      case 'linux-arm64-gnu':
        return require('edgepoll-linux-arm64-gnu');
      case 'linux-arm64-musl':
        return require('edgepoll-linux-arm64-musl');
      case 'linux-arm-gnueabihf':
        return require('edgepoll-linux-arm-gnueabihf');
      case 'linux-riscv64-gnu':
        return require('edgepoll-linux-riscv64-gnu');
      case 'linux-s390x-gnu':
        return require('edgepoll-linux-s390x-gnu');
      case 'linux-ppc64-gnu':
        return require('edgepoll-linux-ppc64-gnu');
      default:
        return name satisfies never;
    }
  } catch (error) {
    return failed(error);
  }
}

const own: {
  /** The package's name. */
  name: string;
  version: string;
  /** The environment variable that names the file of an addon. */
  variable: string;
  names: readonly Name[];
  required: typeof required;
} = { name: 'edgepoll', version, variable: 'EDGEPOLL_ADDON', names, required };
export = own;
