// Names are made once and kept by an id. There are more names than places for them, and a name must never give the text of another one.
import test from 'ava';
import { resp } from 'edgepoll-resp';

import { send } from '../support/net.js';
import { speakingPair } from './helpers.js';

test('more names than there are places: each is the text that the peer sent', async (t) => {
  const { connection, peer } = await speakingPair(t, resp());
  const keys = Array.from({ length: 5000 }, (_, index) => `key ${index}`);
  // Each name comes again while others have taken its place, and once more in reverse.
  const asked = [...keys, ...keys, ...keys.toReversed()];
  const wire = asked.map((key) => `*2\r\n$3\r\nGET\r\n$${key.length}\r\n${key}\r\n`);
  const sent = send(peer, wire.join(''));
  const got: string[] = [];
  for await (const command of connection) {
    got.push(String(command.args[0]));
    if (got.length === asked.length) break;
  }
  await sent;
  const wrong = asked.filter((key, index) => got[index] !== key);
  t.deepEqual(wrong.slice(0, 3), []);
});
