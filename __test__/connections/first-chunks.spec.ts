// The first that a thread receives, when it tells nothing yet: memory is new then, and nobody has heard of it. Serial and
// alone in their file: only the first use of each memory of a process can show it.
import test from 'ava';
import type { Driver, ListenOptions } from 'edgepoll';

import { eventually } from '../support/eventually.js';
import { pairOf, send } from '../support/net.js';

const drivers: Driver[] = ['uv', 'thread'];
/** A chunk of the first is lent whatever its length; of the second only one of this length lies where it was received. */
const kinds: [chunks: NonNullable<ListenOptions['chunks']>, line: string][] = [
  ['borrowed', 'whole'],
  ['owned', 'x'.repeat(16_384)],
];

for (const driver of drivers) {
  for (const [chunks, line] of kinds) {
    test.serial(
      `half a line is the first that arrives: those behind it come whole, ${chunks}, ${driver}`,
      async (t) => {
        const { connection, peer } = await pairOf(t, { driver, chunks, framing: 'lines' });
        await send(peer, 'par');
        await eventually('half a line is received', () => connection.bytesRead === 3);
        // Each by itself: what arrives together with a line's rest is copied.
        for (const [sent, read] of [
          ['tial\n', 'partial'],
          [`${line}\n`, line],
          ['next\n', 'next'],
        ] as const) {
          await send(peer, sent);
          t.is((await connection.read())?.toString(), read);
        }
      },
    );
  }
}
