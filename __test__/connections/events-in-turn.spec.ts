// server.events(): connections take turns, so that a slow consumer of a flood does not keep the others waiting.
import test from 'ava';
import type { Connection, ServerEvent } from 'edgepoll';

import { eventually } from '../support/eventually.js';
import { dial, nextOf, send, serverOf } from '../support/net.js';

for (const chunks of ['owned', 'borrowed'] as const) {
  test(`a line comes after one event of each other connection, ${chunks} chunks`, async (t) => {
    const server = await serverOf(t, { framing: 'lines', chunks });
    const events = server.events();
    const opened = async (): Promise<[Connection, Awaited<ReturnType<typeof dial>>]> => {
      const [event, peer] = await Promise.all([nextOf(events), dial(server.address.port)]);
      t.is(event.type, 'open');
      return [event.connection, peer];
    };
    const flooders = [await opened(), await opened(), await opened()];
    const [quiet, quietPeer] = await opened();
    const lines = 200;
    for (const [, peer] of flooders)
      await send(peer, Array.from({ length: lines }, (_, k) => `${k}\n`).join(''));
    const { length } = Array.from({ length: lines }, (_, k) => `${k}\n`).join('');
    // The consumer takes nothing meanwhile.
    await eventually('the floods are here', () =>
      flooders.every(([{ bytesRead }]) => bytesRead === length),
    );
    await send(quietPeer, 'hello\n');
    await eventually('the line is here', () => quiet.bytesRead === 6);
    const seen = new Map<Connection, string[]>();
    const take = async (): Promise<ServerEvent> => {
      const event = await nextOf(events);
      if (event.type === 'data') {
        const all = seen.get(event.connection) ?? [];
        all.push(String(event.data));
        seen.set(event.connection, all);
      }
      return event;
    };
    for (let taken = 0; taken < 4; taken += 1) await take();
    t.deepEqual(seen.get(quiet), ['hello'], 'it waits behind a flood');
    for (let taken = 4; taken < 3 * lines + 1; taken += 1) await take();
    const expected = Array.from({ length: lines }, (_, k) => String(k));
    for (const [connection] of flooders) t.deepEqual(seen.get(connection), expected);
  });
}

test('what waits behind an event comes before the end and the close', async (t) => {
  const server = await serverOf(t, { framing: 'lines' });
  const events = server.events();
  const [open, peer] = await Promise.all([nextOf(events), dial(server.address.port)]);
  await send(peer, 'a\nb\nc\n');
  peer.end();
  await eventually('all lines are here', () => open.connection.bytesRead === 6);
  const types: string[] = [];
  for await (const event of events) {
    types.push(event.type === 'data' ? String(event.data) : event.type);
    if (event.type === 'close') break;
  }
  t.deepEqual(types, ['a', 'b', 'c', 'end', 'close']);
});

test('what waits of a destroyed connection is dropped, except its close', async (t) => {
  const server = await serverOf(t, { framing: 'lines' });
  const events = server.events();
  const [open, peer] = await Promise.all([nextOf(events), dial(server.address.port)]);
  await send(peer, 'a\nb\nc\n');
  await eventually('all lines are here', () => open.connection.bytesRead === 6);
  const first = await nextOf(events);
  t.is(first.type, 'data');
  open.connection.destroy();
  const close = await nextOf(events);
  t.is(close.type, 'close');
});
