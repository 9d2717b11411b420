/** The programs of the READMEs of protocols/. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { createServer } from 'node:net';

import type { ExecutionContext } from 'ava';
import { listen } from 'edgepoll';
import { websocket } from 'edgepoll-websocket';

import { dial, receiveExactly, send } from '../../support/net.js';
import type { Drives } from './drive.js';
import { prints, started } from './drive.js';

/** Connects to a program of the READMEs once it has said that it listens. */
async function dialledAt(
  t: ExecutionContext,
  path: string,
  port: number,
  host: string,
): Promise<Socket> {
  const child = started(t, path);
  t.is(await child.line(), `listening on ${port}`);
  const socket = await dial(port, host);
  t.teardown(() => socket.destroy());
  return socket;
}

async function answers(
  t: ExecutionContext,
  peer: Socket,
  sent: string,
  wanted: string,
): Promise<void> {
  await send(peer, Buffer.from(sent, 'latin1'));
  const answer = await receiveExactly(peer, wanted.length);
  t.is(answer.toString('latin1'), wanted);
}

export const plugins: Drives = {
  'resp-server': async (t, path, host) => {
    const peer = await dialledAt(t, path, 6379, host);
    await answers(t, peer, 'GET key\r\n', '$-1\r\n');
    await answers(t, peer, '*3\r\n$3\r\nset\r\n$3\r\nkey\r\n$5\r\nvalue\r\n', '+OK\r\n');
    await answers(t, peer, 'GET key\r\n', '$5\r\nvalue\r\n');
    await answers(t, peer, 'QUIT\r\n', "-ERR unknown command 'QUIT'\r\n");
  },
  'resp-client': async (t, path, host) => {
    const replies = ['+OK\r\n', '$5\r\nvalue\r\n'];
    const requests: string[] = [];
    const server = createServer((socket) => {
      socket.setEncoding('latin1').on('data', (request: string) => {
        requests.push(request);
        socket.write(replies[requests.length - 1] ?? '');
      });
    });
    server.listen(6379, host);
    await once(server, 'listening');
    t.teardown(() => server.close());
    await prints(t, path, 'OK\nvalue\n');
    t.deepEqual(requests, [
      '*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nvalue\r\n',
      '*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n',
    ]);
  },
  'websocket-server': async (t, path, host) => {
    const peer = await dialledAt(t, path, 8080, host);
    const head = [
      'GET / HTTP/1.1',
      `Host: ${host}:8080`,
      'Upgrade: websocket',
      'Connection: Upgrade',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ];
    // The key and its answer are those of RFC 6455, section 1.3.
    const answer = [
      'HTTP/1.1 101 Switching Protocols',
      'Upgrade: websocket',
      'Connection: Upgrade',
      'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
    ];
    await answers(t, peer, `${head.join('\r\n')}\r\n\r\n`, `${answer.join('\r\n')}\r\n\r\n`);
    // A text with a mask of zeros, and the same without one.
    await answers(t, peer, '\x81\x85\0\0\0\0hello', '\x81\x05hello');
  },
  'websocket-client': async (t, path, host) => {
    const server = await listen({ port: 8080, host, protocol: websocket() });
    t.teardown(() => server.destroy());
    const serve = async (): Promise<void> => {
      for await (const event of server.events()) {
        if (event.type !== 'data' || typeof event.data !== 'string') continue;
        const { connection, data } = event;
        void connection.write(`${data} to you`);
        void connection.write(new Uint8Array(3));
        void connection.end();
      }
    };
    const served = serve();
    await prints(t, path, 'hello to you\n3 bytes\n1000 \n');
    server.destroy();
    await served;
  },
};
