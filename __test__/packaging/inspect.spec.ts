/** What scripts/targets/inspect.mjs says of an addon for another ABI of its processor. The bad files are this machine's addon with another header. */
import { readFileSync, writeFileSync } from 'node:fs';
import { endianness } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import test from 'ava';

import { folder, root } from '../support/process.js';
import { target } from './helpers.js';

interface Target {
  name: string;
}

async function script<T>(name: string): Promise<T> {
  return (await import(pathToFileURL(join(root, `scripts/targets/${name}.mjs`)).href)) as T;
}
const { inspect } = await script<{ inspect: (file: string, target: Target) => unknown }>('inspect');
const { targets } = await script<{ targets: Target[] }>('list');

/** For each target with more than one ABI: its processor's number in elf(5), the flags of its ABI, and others with what readelf says of them. */
const abis: Record<string, { machine: number; right: number[]; wrong: [number, string][] }> = {
  'linux-arm-gnueabihf': {
    machine: 40,
    right: [0x5000400],
    wrong: [
      [0x5000200, 'soft-float ABI'],
      [0x5000000, 'Version5 EABI'],
    ],
  },
  'linux-riscv64-gnu': {
    machine: 243,
    right: [4, 5],
    wrong: [
      [1, 'soft-float ABI'],
      [3, 'single-float ABI'],
    ],
  },
  'linux-ppc64-gnu': {
    machine: 21,
    right: [2],
    wrong: [
      [1, 'abiv1'],
      [0, '0x0'],
    ],
  },
};

for (const [name, { machine, right, wrong }] of Object.entries(abis)) {
  test(`inspect: the ABI in the header's flags, ${name}`, (t) => {
    const inspected = targets.find((one) => one.name === name);
    const bytes = readFileSync(join(root, `native/edgepoll.${target}.node`));
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const isLittle = endianness() === 'LE';
    const file = join(folder(t), 'changed.node');
    const found = (flags: number): string => {
      view.setUint16(18, machine, isLittle);
      view.setUint32(bytes[4] === 2 ? 48 : 36, flags, isLittle);
      writeFileSync(file, bytes);
      try {
        inspect(file, inspected as Target);
        return '';
      } catch (error) {
        return (error as Error).message;
      }
    };
    for (const flags of right) t.notRegex(found(flags), /its flags|no whole ELF file/);
    for (const [flags, said] of wrong) {
      const text = /its flags are (.+?), without [\w-]+( ABI)?(;|$)/.exec(found(flags))?.[1];
      t.true(text?.includes(said), found(flags));
    }
  });
}
