// Numbers of the kernel that src/ has as constants. The compiler checks on every target that those of the list in Rust are the kernel's.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import test from 'ava';

import { root } from '../support/process.js';

/** Whether a name is one of the kernel's: an error, an event of epoll, or a flag of inotify. */
const CONSTANT = /\b(?:const|readonly) (E[A-Z0-9]{3,}|IN_[A-Z]+) = (0x[\da-f_]+|\d+);/g;

test('fixed-numbers: every constant of src/ is in the list that the compiler checks', (t) => {
  const list = readFileSync(join(root, 'crates/edgepoll-node/src/fixed_numbers.rs'), 'utf8');
  const value = (number: string): number => Number(number.replaceAll('_', ''));
  const checked = new Map<string, number>();
  for (const [, name = '', number = ''] of list.matchAll(/^ {4}([A-Z_0-9]+) = (\S+)$/gm))
    checked.set(name, value(number));
  const found: string[] = [];
  const src = join(root, 'src');
  for (const file of readdirSync(src, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts')) continue;
    for (const [, name = '', number = ''] of readFileSync(join(src, file), 'utf8').matchAll(
      CONSTANT,
    )) {
      t.is(checked.get(name), value(number), `${name} in ${file}`);
      found.push(name);
    }
  }
  t.true(found.length > 25, `only ${found.length} constants were found`);
});

test('fixed-numbers: words for types of sockets and flags of inotify', (t) => {
  const list = readFileSync(join(root, 'crates/edgepoll-node/src/fixed_numbers.rs'), 'utf8');
  const numbers = (prefix: string): number[] =>
    [...list.matchAll(/^ {4}([A-Z_0-9]+) = (\S+)$/gm)]
      .filter(([, name = '']) => name.startsWith(prefix))
      .map(([, , number = '']) => Number(number.replaceAll('_', '')));
  for (const [file, prefix] of [
    ['fd/inotify.ts', 'IN_'],
    ['fd/socket-type.ts', 'SOCK_'],
  ] as const) {
    const source = readFileSync(join(root, 'src', file), 'utf8');
    const written = source.matchAll(/^ {2}\w+: (0x[\da-f_]+|\d+),$/gm);
    for (const [, number = ''] of written)
      t.true(numbers(prefix).includes(Number(number.replaceAll('_', ''))), `${number} in ${file}`);
  }
});
