// The received bytes that this process holds while the consumer takes none stay within the limit that `readHighWaterMark` sets.
import test from 'ava';

import { eventually, rounds } from '../support/eventually.js';
import { pairOf, send } from '../support/net.js';

const LINE = `${'x'.repeat(99)}\n`;
const TOTAL = 8 * 1_048_576;

for (const framing of ['bytes', 'lines'] as const) {
  for (const mark of [1000, 20_000, 65_536, 300_000]) {
    test(`readHighWaterMark ${mark}, framing ${framing}: unread bytes pass it by one turn at most`, async (t) => {
      const options = { framing, readHighWaterMark: mark, maxFrame: 100 };
      const { connection, peer } = await pairOf(t, options);
      // More than the kernel's buffers hold, so every receive finds bytes.
      peer.write(LINE.repeat(TOTAL / LINE.length));
      // The beginning of a line may have arrived in an earlier turn.
      const most = mark + Math.max(mark, 16_384) + (framing === 'lines' ? 100 + 2 : 0);
      let taken = 0;
      for (let read = 0; read < 100 && taken < TOTAL / 4; read += 1) {
        let before = -1;
        await eventually('receiving pauses', () => {
          const stands = connection.bytesRead > taken && connection.bytesRead === before;
          before = connection.bytesRead;
          return stands;
        });
        await rounds(3);
        const unread = connection.bytesRead - taken;
        t.true(unread <= most, `${unread} bytes wait after ${read} reads`);
        const chunk = await connection.read();
        taken += (chunk?.length ?? 0) + (framing === 'lines' ? 1 : 0);
      }
      connection.destroy();
    });
  }
}

test('a line that is longer than readHighWaterMark arrives whole', async (t) => {
  const { connection, peer } = await pairOf(t, { framing: 'lines', readHighWaterMark: 100 });
  await send(peer, `${'x'.repeat(60_000)}\nnext\n`);
  t.is((await connection.read())?.length, 60_000);
  t.is(String(await connection.read()), 'next');
});
