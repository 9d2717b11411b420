// Node.js's own WebSocket. The argument is the server's port.

import assert from 'node:assert';

const socket = new WebSocket(`ws://127.0.0.1:${process.argv[2]}/node`);
socket.binaryType = 'arraybuffer';
await next('open');

const ask = async (data) => {
  const answer = next('message');
  socket.send(data);
  return (await answer).data;
};
assert.strictEqual(await ask('grüezi'), 'grüezi');
assert.strictEqual(await ask('y'.repeat(100_000)), 'y'.repeat(100_000));
const bytes = new Uint8Array(70_001).fill(7);
assert.deepStrictEqual(new Uint8Array(await ask(bytes)), bytes);

const close = next('close');
socket.close(1000, 'bye');
const { code, wasClean } = await close;
assert.deepStrictEqual({ code, wasClean }, { code: 1000, wasClean: true });

function next(name) {
  return new Promise((resolve, reject) => {
    socket.addEventListener(name, resolve, { once: true });
    socket.addEventListener('error', reject, { once: true });
  });
}
