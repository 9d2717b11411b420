// Packs the crates as crates.io would get them, and compiles each from what was packed: node scripts/crate.mjs
// The packages are without the tests, of which cargo warns: they need the feature `simulation`.

import { existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { protocols } from './lib/addons.mjs';
import { inProject } from './lib/root.mjs';
import { run } from './lib/run.mjs';
import { readArguments } from './lib/usage.mjs';

readArguments('node scripts/crate.mjs');

// cargo unpacks a crate that another one needs into CARGO_HOME, once for each version. A later run would compile against those old
// sources. So each run has a CARGO_HOME of its own, with the downloads and the configuration of the real one.
const real = process.env.CARGO_HOME ?? join(homedir(), '.cargo');
const home = inProject('build/cargo-home');
rmSync(home, { recursive: true, force: true });
mkdirSync(`${home}/registry`, { recursive: true });
for (const name of ['config.toml', 'registry/index', 'registry/cache']) {
  if (existsSync(join(real, name))) symlinkSync(join(real, name), join(home, name));
}

const crates = ['edgepoll-protocol', 'edgepoll', ...protocols.map((name) => `edgepoll-${name}`)];
const names = crates.flatMap((crate) => ['-p', crate]);
const { code } = await run(
  'cargo',
  ['package', '--locked', '--offline', '--allow-dirty', ...names],
  { env: { CARGO_HOME: home } },
);
rmSync(home, { recursive: true, force: true });
process.exitCode = code === 0 ? 0 : 1;
