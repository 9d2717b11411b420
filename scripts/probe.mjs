// Builds the plug-in that misbehaves, for the tests of protocols: node scripts/probe.mjs. It becomes build/probe.node.

import { copyFileSync, mkdirSync } from 'node:fs';
import { inProject } from './lib/root.mjs';
import { run } from './lib/run.mjs';
import { readArguments } from './lib/usage.mjs';

readArguments('node scripts/probe.mjs');

const args = ['build', '--locked', '--release', '-p', 'edgepoll-protocol-probe'];
const { code } = await run('cargo', [...args, '--features', 'node']);
if (code === 0) {
  mkdirSync(inProject('build'), { recursive: true });
  copyFileSync(
    inProject('target/release/libedgepoll_protocol_probe.so'),
    inProject('build/probe.node'),
  );
}
process.exitCode = code === 0 ? 0 : 1;
