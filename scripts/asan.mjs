// Runs the specs of lifetimes and of memory against an addon that is built with AddressSanitizer. An access to freed memory, or
// outside of an allocation, ends the process with a report. All files are written to target/asan, so the usual build does not
// change. Arguments: names of specs, without `.spec`, to run instead of the usual ones.

import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { inProject } from './lib/root.mjs';
import { run } from './lib/run.mjs';
import { asanRuntime, missingForAsan } from './lib/toolchain.mjs';
import { readArguments } from './lib/usage.mjs';

// Not connections/backpressure: the sanitizer keeps freed memory for a while, and that spec measures memory.
const usual = [
  'connections/{borrowed,borrowed-writes,chunks,detached-chunks,echo,ends,events,lines,reset,turns}',
  'fd/{messages,owned,sockets}',
  'process/{pollers-in-workers,teardown,worker}',
  'readiness/{batches,lifetime,poller,replaced-immediate}',
];

const asked = readArguments('npm run asan -- [SPEC…]', { most: Infinity }).positionals;
const target = inProject('target/asan');
const triple = 'x86_64-unknown-linux-gnu';
const addon = path.join(target, 'edgepoll.node');
const reports = path.join(target, 'reports');

async function build() {
  const profile = ['profile.release.lto=false', 'profile.release.strip="none"'];
  const settings = profile.flatMap((setting) => ['--config', setting]);
  const args = ['build', '--locked', '--release', '-p', 'edgepoll-node', '--target', triple];
  const { code } = await run('cargo', ['+nightly', ...args, ...settings], {
    env: {
      CARGO_TARGET_DIR: target,
      RUSTFLAGS: '-Zsanitizer=address -Cforce-frame-pointers=yes',
    },
  });
  if (code !== 0) return false;
  copyFileSync(path.join(target, triple, 'release/libedgepoll_node.so'), addon);
  return true;
}

async function test(specs) {
  rmSync(reports, { recursive: true, force: true });
  mkdirSync(reports);
  const files = specs.map((name) => `build/__test__/${name}.spec.js`);
  const { code } = await run(inProject('node_modules/.bin/ava'), files, {
    env: {
      LD_PRELOAD: asanRuntime(),
      // No check for leaks: memory that is still allocated when a process ends would count as one.
      ASAN_OPTIONS: `detect_leaks=0:log_path=${path.join(reports, 'report')}`,
      EDGEPOLL_ADDON: addon,
    },
  });
  const found = readdirSync(reports);
  for (const file of found) {
    const lines = readFileSync(path.join(reports, file), 'utf8').split('\n');
    console.log(`\n${file}:\n${lines.slice(0, 40).join('\n')}`);
  }
  if (found.length > 0) console.log(`\n${found.length} reports of the sanitizer`);
  return code === 0 && found.length === 0;
}

const missing = missingForAsan();
if (missing !== undefined) console.error(`asan: ${missing}`);
const ran = missing === undefined && (await build());
process.exitCode = ran && (await test(asked.length > 0 ? asked : usual)) ? 0 : 1;
