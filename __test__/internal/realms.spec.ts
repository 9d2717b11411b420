/**
 * Values of another realm. Each context of node:vm is a realm, and Jest makes one for each file. Byte arrays, errors and shared
 * memory of another realm are accepted as those of this one.
 */
import { runInNewContext } from 'node:vm';

import test from 'ava';
import { pipe, socketpair } from 'edgepoll/fd';

import { bytes } from '../support/bytes.js';
import { reportOf } from '../support/injected.js';
import { pairOf, receiveAll } from '../support/net.js';
import { fixture, run } from '../support/process.js';

/** A copy of the bytes in an array of another realm. */
function foreign(data: Uint8Array, memory = 'ArrayBuffer'): Uint8Array {
  const source = `new Uint8Array(new ${memory}(${data.length}))`;
  const array = runInNewContext(source) as Uint8Array;
  array.set(data);
  return array;
}

for (const memory of ['ArrayBuffer', 'SharedArrayBuffer']) {
  test(`other-realm: a connection sends arrays, short and long, whose memory is its ${memory}`, async (t) => {
    const { connection, peer } = await pairOf(t);
    const all = bytes(20_003, 1);
    await connection.write(foreign(all.subarray(0, 3), memory));
    await connection.end(foreign(all.subarray(3), memory));
    t.true((await receiveAll(peer)).bytes.equals(all));
  });
}

test('other-realm: descriptors write its arrays and read into them', (t) => {
  const { reader, writer } = pipe();
  t.is(writer.write(foreign(Buffer.from('abc'))), 3);
  const space = foreign(new Uint8Array(8));
  t.is(reader.read(space), 3);
  t.is(Buffer.from(space).toString('latin1', 0, 3), 'abc');
  const [here, there] = socketpair({ type: 'dgram' });
  here.sendMessage({ data: foreign(Buffer.from('def')) });
  t.is(there.read(space), 3);
  for (const each of [reader, writer, here, there]) each.close();
});

test('other-realm: values that are no byte array are refused', async (t) => {
  const { connection } = await pairOf(t);
  const { reader, writer } = pipe();
  const others = ['new Uint16Array(2)', 'new DataView(new ArrayBuffer(2))', 'new ArrayBuffer(2)'];
  const values = others.map((source) => runInNewContext(source) as Uint8Array);
  for (const value of [...values, Object.create(Uint8Array.prototype) as Uint8Array]) {
    const expected = { instanceOf: TypeError, code: 'ERR_INVALID_ARG_TYPE' };
    t.throws(() => void connection.write(value), expected);
    t.throws(() => writer.write(value), expected);
    t.throws(() => reader.read(value), expected);
  }
  reader.close();
  writer.close();
});

const cases: [name: string, what: string, expected: unknown][] = [
  ['destroy', 'destroy() takes an error of the main realm', true],
  ['abort', 'connections fail with the reason of the abort', true],
  ['refused', 'an error of the addon keeps its code', 'ERR_FD_SETSIZE'],
];

for (const [name, what, expected] of cases) {
  test(`own-realm: ${what}`, async (t) => {
    const flags = ['--experimental-vm-modules', '--no-warnings'];
    t.deepEqual(
      reportOf(await run(process.execPath, [...flags, fixture('own-realm'), name])),
      expected,
    );
  });
}
