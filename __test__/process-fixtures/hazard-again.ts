/**
 * An echo whose first receives answer EAGAIN though there is something, by strace: `hazard-again DRIVER`. The peer
 * sends a byte at a time until all came back.
 */
import { once } from 'node:events';
import { connect } from 'node:net';

import type { Driver } from 'edgepoll';
import { listen } from 'edgepoll';

const COUNT = 8;
const host = '127.0.0.1';
const server = await listen({ host, port: 0, driver: process.argv[2] as Driver });
const items: string[] = [];
const serve = async (): Promise<void> => {
  for await (const connection of server) {
    for await (const chunk of connection) {
      items.push(chunk.toString());
      await connection.write(chunk);
    }
    break;
  }
};
const served = serve();
const peer = connect({ port: server.address.port, host, noDelay: true });
await once(peer, 'connect');
let got = '';
peer.setEncoding('utf8').on('data', (text: string) => (got += text));
let sent = '';
// Whatever an EAGAIN has kept back comes with the next byte: one more, until nothing is missing.
while (sent.length < COUNT || got.length < sent.length) {
  const byte = String(sent.length % 10);
  sent += byte;
  await new Promise((resolve) => {
    peer.write(byte, resolve);
  });
  for (let turns = 0; turns < 20 && got.length < sent.length; turns += 1)
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
}
peer.end();
await served;
process.stdout.write(
  `${JSON.stringify({ same: got === sent, empty: items.includes(''), whole: items.join('') === sent })}\n`,
);
