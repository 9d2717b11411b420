// The npm client `ws`, with compression and without. The argument is the server's port.

import assert from 'node:assert';
import { once } from 'node:events';
import { WebSocket } from 'ws';

for (const perMessageDeflate of [true, false]) {
  const socket = new WebSocket(`ws://127.0.0.1:${process.argv[2]}/ws?x=1`, { perMessageDeflate });
  await once(socket, 'open');
  assert.strictEqual(socket.extensions.includes('permessage-deflate'), perMessageDeflate);

  const ask = async (data, options) => {
    const answer = once(socket, 'message');
    socket.send(data, options);
    const [message, isBinary] = await answer;
    return isBinary ? message : String(message);
  };
  assert.strictEqual(await ask('grüezi'), 'grüezi');
  assert.strictEqual(await ask(''), '');
  assert.strictEqual(await ask('y'.repeat(100_000)), 'y'.repeat(100_000));
  const bytes = Buffer.alloc(70_001, 'abc');
  assert.ok((await ask(bytes)).equals(bytes));
  socket.send('one ', { fin: false });
  socket.send('two ', { fin: false });
  assert.strictEqual(await ask('three', { fin: true }), 'one two three');

  const pong = once(socket, 'pong');
  socket.ping('hi');
  assert.strictEqual(String(await pong), 'hi');
  const close = once(socket, 'close');
  socket.close(1000, 'bye');
  const [code] = await close;
  assert.strictEqual(code, 1000);
}
