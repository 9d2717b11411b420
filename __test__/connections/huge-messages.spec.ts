// A message without an end: its connection closes at the limit, and what came of it is not kept.
import test from 'ava';
import type { ConnectionOptions } from 'edgepoll';

import { drivers } from '../support/process.js';
import { pairOf, rejection, send } from '../support/net.js';

const MOST = 100_000;
/** What the reactor may have received beyond the limit: two receives. */
const BEYOND = 2 * 65_536;
const MUCH = 64 * 2 ** 20;
const block = Buffer.alloc(2 ** 20, '1');

const framings: Record<string, { options: ConnectionOptions; begin: string; code: string }> = {
  lines: { options: { framing: 'lines' }, begin: '', code: 'ERR_FRAME_TOO_LONG' },
  delimiter: {
    options: { framing: { type: 'delimiter', delimiter: '||' } },
    begin: '',
    code: 'ERR_FRAME_TOO_LONG',
  },
  'length-prefix': {
    options: { framing: { type: 'length-prefix', size: 4 } },
    begin: '\x7f\xff\xff\xff',
    code: 'ERR_FRAME_TOO_LONG',
  },
  // The digits of the length have no end.
  netstring: { options: { framing: 'netstring' }, begin: '', code: 'ERR_FRAME_TOO_LONG' },
};

for (const driver of drivers) {
  for (const [name, { options, begin, code }] of Object.entries(framings)) {
    test(`hazard-93 huge-message: ${name}, ${driver}`, async (t) => {
      const { connection, peer } = await pairOf(t, { ...options, driver, maxFrame: MOST });
      const over = new Promise((resolve) => peer.on('close', resolve));
      peer.on('error', () => {});
      peer.write(begin, 'latin1');
      for (let sent = 0; sent < MUCH; sent += block.length) peer.write(block);
      const error = await rejection(connection.read());
      t.is(error.code, code);
      t.true(connection.bytesRead <= MOST + BEYOND, `${connection.bytesRead} bytes`);
      await over;
    });
  }

  test(`hazard-93 huge-message: one that is skipped is not kept, ${driver}`, async (t) => {
    const { connection, peer } = await pairOf(t, {
      framing: { type: 'lines', tooLong: 'skip' },
      maxFrame: MOST,
      driver,
    });
    await send(peer, 'first\n');
    t.is((await connection.read())?.toString(), 'first');
    const before = process.memoryUsage().arrayBuffers;
    const next = connection.read();
    for (let sent = 0; sent < MUCH; sent += block.length) await send(peer, block);
    await send(peer, '\nlast\n');
    t.is((await next)?.toString(), 'last');
    const grown = process.memoryUsage().arrayBuffers - before;
    t.true(grown < MUCH / 8, `${grown} bytes for a message of ${MUCH}`);
  });
}
