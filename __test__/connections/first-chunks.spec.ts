// The first bytes that a thread receives are half a line, so they reach new memory and give no chunk yet. The tests are serial
// and alone in their file, because only the first use of each memory in a process is of interest.
import test from 'ava';
import type { Driver, ListenOptions } from 'edgepoll';

import { eventually } from '../support/eventually.js';
import { pairOf, send } from '../support/net.js';

const drivers: Driver[] = ['uv', 'thread'];
/** A borrowed chunk of any length lies where it was received. An owned one does so only from 16 KiB on. */
const kinds: [chunks: NonNullable<ListenOptions['chunks']>, line: string][] = [
  ['borrowed', 'whole'],
  ['owned', 'x'.repeat(16_384)],
];

for (const driver of drivers) {
  for (const [chunks, line] of kinds) {
    test.serial(
      `half a line arrives first: the lines after it come whole, ${chunks}, ${driver}`,
      async (t) => {
        const { connection, peer } = await pairOf(t, { driver, chunks, framing: 'lines' });
        await send(peer, 'par');
        await eventually('half a line is received', () => connection.bytesRead === 3);
        // One at a time, because a line that arrives together with another line's rest is copied.
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
