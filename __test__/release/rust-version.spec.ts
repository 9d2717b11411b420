/** The rust-version of Cargo.toml: the oldest Rust with which the addon can be built, as the documents say. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import test from 'ava';

import { root, run } from '../support/process.js';

/** The part of `cargo metadata` that this needs. */
interface Metadata {
  packages: { id: string; name: string; rust_version: string | null; source: string | null }[];
  resolve: { nodes: { id: string; dependencies: string[] }[] };
}

const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const [, declared = ''] = /^rust-version = "(\d+\.\d+)"$/m.exec(read('Cargo.toml')) ?? [];

test('no dependency of the addon needs a newer Rust, and one needs just this', async (t) => {
  const system = ['--filter-platform', 'x86_64-unknown-linux-gnu'];
  const options = ['metadata', '--locked', '--format-version', '1', ...system];
  const { code, stdout, stderr } = await run('cargo', options);
  t.is(code, 0, stderr);
  const { packages, resolve } = JSON.parse(stdout) as Metadata;
  const used = new Set(packages.filter(({ name }) => name === 'edgepoll-node').map(({ id }) => id));
  const dependencies = new Map(resolve.nodes.map((node) => [node.id, node.dependencies]));
  // A set's iteration also visits what is added meanwhile.
  for (const id of used) for (const needed of dependencies.get(id) ?? []) used.add(needed);
  const versions = packages
    .filter(({ id, source }) => used.has(id) && source !== null)
    .map((each) => /^\d+\.\d+/.exec(each.rust_version ?? '1.0')?.[0] ?? '');
  t.true(versions.length > 10);
  const [newest] = versions.toSorted((one, other) =>
    other.localeCompare(one, 'en', { numeric: true }),
  );
  t.is(newest, declared);
});

test('both READMEs name it', (t) => {
  t.regex(read('README.md'), new RegExp(`Rust ≥ ${declared}, npm`));
  t.regex(read('crates/edgepoll/README.md'), new RegExp(`Requires Rust ${declared} or later`));
});
