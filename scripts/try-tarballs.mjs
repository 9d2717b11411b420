// Installs edgepoll, the protocols, and their platform packages for this machine into an empty project, serves an echo there, and runs the
// smoke test of the protocols: node scripts/try-tarballs.mjs FOLDER. It needs Node.js and npm alone, so that it runs in any container.

import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { packagesWithAddons } from './lib/addons.mjs';
import { inProject } from './lib/root.mjs';
import { readArguments } from './lib/usage.mjs';

const program = `
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { connect, listen, watch } from 'edgepoll';
import { eventfd } from 'edgepoll/fd';

assert.equal(createRequire(import.meta.url)('edgepoll').listen, listen);

const server = await listen({ port: 0, host: '127.0.0.1' });
const serve = async () => {
  for await (const event of server.events()) {
    if (event.type === 'data') void event.connection.write(event.data);
  }
};
const served = serve();
const connection = await connect({ port: server.address.port, host: '127.0.0.1' });
await connection.end('hello');
let echo = '';
for await (const chunk of connection) echo += chunk;
assert.equal(echo, 'hello');
await server.close();
await served;

const counter = eventfd();
counter.write(3);
for await (const event of watch(counter.fd)) {
  assert.equal(event.readable, true);
  break;
}
assert.equal(counter.read(), 3n);
counter.close();
`;

const [folder] = readArguments('node scripts/try-tarballs.mjs FOLDER', { least: 1 }).positionals;
const platform = `linux-${process.arch}-${libc()}`;
const names = packagesWithAddons.flatMap(({ name }) => [name, `${name}-${platform}`]);
const dependencies = Object.fromEntries(names.map((name) => [name, `file:${tarballOf(name)}`]));

const project = mkdtempSync(path.join(tmpdir(), 'edgepoll-try-'));
process.on('exit', () => rmSync(project, { recursive: true, force: true }));
writeFileSync(`${project}/package.json`, JSON.stringify({ private: true, dependencies }));
writeFileSync(`${project}/program.mjs`, program);
copyFileSync(inProject('__test__/smoke/protocols.mjs'), `${project}/protocols.mjs`);
start('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error']);
start(process.execPath, ['program.mjs']);
start(process.execPath, ['protocols.mjs']);
console.log(`try-tarballs: ${platform} with Node.js ${process.versions.node}: ok`);

function libc() {
  if (process.arch === 'arm') return 'gnueabihf';
  return process.report.getReport().header.glibcVersionRuntime === undefined ? 'musl' : 'gnu';
}

function tarballOf(name) {
  if (!existsSync(folder)) stopWith(`there is no folder ${folder}`, 2);
  const pattern = new RegExp(`^${name}-\\d.*\\.tgz$`);
  const found = readdirSync(folder).filter((file) => pattern.test(file));
  if (found.length !== 1) stopWith(`${folder} has ${found.length} tarballs of ${name}, not 1`, 1);
  return path.resolve(folder, found[0]);
}

function start(command, args) {
  const { status, error } = spawnSync(command, args, {
    cwd: project,
    stdio: 'inherit',
    timeout: 120_000,
  });
  if (status === 0) return;
  stopWith(`${command} ${args[0]} failed: ${error?.message ?? `code ${status}`}`, 1);
}

function stopWith(message, code) {
  console.error(`try-tarballs: ${message}`);
  process.exit(code);
}
