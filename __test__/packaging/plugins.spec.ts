/** The addon of a protocol's package that does not load: each error names that package, and has its code. */
import { copyFileSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import test from 'ava';

import { imported, project, target } from './helpers.js';

const plugins = {
  'edgepoll-resp': { function: 'resp', variable: 'EDGEPOLL_RESP_ADDON' },
  'edgepoll-websocket': { function: 'websocket', variable: 'EDGEPOLL_WEBSOCKET_ADDON' },
};
const names = Object.keys(plugins);

for (const [name, { function: exported, variable }] of Object.entries(plugins)) {
  const how = { from: name, exported };
  const addon = `node_modules/${name}-${target}/${name}.${target}.node`;

  test(`${name}: the addon is loaded, also by its path in ${variable}`, async (t) => {
    const place = await project(t, names);
    t.is(await imported(t, place, how), 'loaded function');
    copyFileSync(join(place, addon), join(place, 'mine.node'));
    rmSync(join(place, `node_modules/${name}-${target}`), { recursive: true });
    const env = { [variable]: 'mine.node' };
    t.is(await imported(t, place, { ...how, env }), 'loaded function');
  });

  test(`${name}: ERR_ADDON_MISSING`, async (t) => {
    const place = await project(t, names);
    rmSync(join(place, addon));
    t.regex(
      await imported(t, place, how),
      new RegExp(`^ERR_ADDON_MISSING ${name}-${target} is installed, and its file .* is missing: `),
    );
    const folder = join(place, `node_modules/${name}-${target}`);
    renameSync(folder, join(place, `node_modules/${name}-linux-riscv64-gnu`));
    writeFileSync(
      join(place, `node_modules/${name}-linux-riscv64-gnu/${name}.${target}.node`),
      'not looked at',
    );
    t.regex(
      await imported(t, place, how),
      new RegExp(
        `^ERR_ADDON_MISSING ${name}-${target}, .* of ${name} .* is not installed, only ${name}-linux-riscv64-gnu: install ${name} again `,
      ),
    );
    // edgepoll itself has its addon.
    t.is(await imported(t, place), 'loaded function');
  });

  test(`${name}: ERR_ADDON_NOT_LOADED, for another processor, or damaged`, async (t) => {
    const place = await project(t, names);
    const bytes = readFileSync(join(place, addon));
    writeFileSync(join(place, addon), bytes.subarray(0, -1));
    t.regex(
      await imported(t, place, how),
      new RegExp(`^ERR_ADDON_NOT_LOADED ${name}-${target} does not load: the file is cut off`),
    );
    const other = Buffer.from(bytes);
    // elf(5): e_machine, here that of BPF.
    if (other[5] === 1) other.writeUInt16LE(0xf7, 18);
    else other.writeUInt16BE(0xf7, 18);
    writeFileSync(join(place, addon), other);
    t.regex(await imported(t, place, how), /^ERR_ADDON_NOT_LOADED .* built for machine 247, /);
  });

  test(`${name}: ERR_ADDON_MISMATCH, of another version or package`, async (t) => {
    const place = await project(t, names);
    for (const other of [...names, 'edgepoll'].filter((each) => each !== name)) {
      const env = { [variable]: `node_modules/${other}-${target}/${other}.${target}.node` };
      t.regex(
        await imported(t, place, { ...how, env }),
        new RegExp(
          `^ERR_ADDON_MISMATCH ${name} is .* is the addon of another package: .*${variable}`,
        ),
      );
    }
    const loader = join(place, `node_modules/${name}/dist/internal/load-addon.cjs`);
    const text = readFileSync(loader, 'utf8');
    writeFileSync(loader, text.replace(/const version = "[^"]+"/, 'const version = "7.8.9"'));
    t.regex(
      await imported(t, place, how),
      new RegExp(`^ERR_ADDON_MISMATCH ${name} is version 7\\.8\\.9, and its addon \\S+ is \\d`),
    );
  });
}
