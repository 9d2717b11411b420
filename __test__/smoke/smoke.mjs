// The packed package in plain JavaScript, in any runtime: each use once, with its results checked.
// This file must not call process.exit(), because the test includes that the process ends by itself.
import { deepStrictEqual, ok, rejects, strictEqual, throws } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { connect, EdgepollError, listen, Poller } from 'edgepoll';

import { descriptors } from './fd.mjs';

const host = '127.0.0.1';

function sha(bytes) {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Sends 1 MiB to an echo server, ends, and compares the bytes that come back. */
async function roundTrip(server) {
  const bytes = randomBytes(2 ** 20);
  const connection = await connect({ host, port: server.address.port, maxBufferedAmount: 2 ** 21 });
  const sent = connection.end(bytes);
  const chunks = [];
  for await (const chunk of connection) {
    ok(Buffer.isBuffer(chunk));
    chunks.push(chunk);
  }
  await sent;
  const back = Buffer.concat(chunks);
  strictEqual(back.length, bytes.length);
  strictEqual(sha(back), sha(bytes));
  deepStrictEqual(await connection.closed, { cause: 'ended', error: undefined, bytesUnsent: 0 });
  deepStrictEqual([connection.bytesRead, connection.bytesWritten], [bytes.length, bytes.length]);
}

async function echoByConnection() {
  const server = await listen({ host, port: 0 });
  const serving = (async () => {
    for await (const connection of server) {
      void (async () => {
        for await (const chunk of connection) await connection.write(chunk);
      })();
    }
  })();
  await Promise.all([roundTrip(server), roundTrip(server), roundTrip(server)]);
  await server.close();
  await serving;
}

async function echoByEvents() {
  const server = await listen({ host, port: 0 });
  const seen = { open: 0, data: 0, end: 0, close: 0, drain: 0 };
  const serving = (async () => {
    for await (const { type, connection, data } of server.events()) {
      seen[type] += 1;
      if (type === 'data') void connection.write(data);
    }
  })();
  await Promise.all([roundTrip(server), roundTrip(server)]);
  await server.close();
  await serving;
  deepStrictEqual([seen.open, seen.end, seen.close], [2, 2, 2]);
}

async function lines() {
  const server = await listen({ host, port: 0, framing: 'lines' });
  const next = server[Symbol.asyncIterator]().next();
  const client = await connect({ host, port: server.address.port });
  const { value: accepted } = await next;
  await client.write('one\ntwo\r');
  await client.write('\n\nthree');
  await client.end('\n');
  const found = [];
  for await (const line of accepted) found.push(line.toString());
  deepStrictEqual(found, ['one', 'two', '', 'three']);
  await server.close();
}

async function errors() {
  await rejects(listen({ host, port: 70_000 }), RangeError);
  throws(() => new Poller().register('3'), TypeError);
  const { bun, deno } = process.versions;
  if ((bun ?? deno) !== undefined) throws(() => new Poller({ driver: 'uv' }), RangeError);
  const server = await listen({ host, port: 0 });
  const { port } = server.address;
  await rejects(listen({ host, port }), { code: 'EADDRINUSE', address: host, port });
  await server.close();
  await rejects(connect({ host, port }), (error) => {
    ok(error instanceof EdgepollError);
    deepStrictEqual([error.code, error.port], ['ECONNREFUSED', port]);
    return true;
  });
}

async function readiness() {
  const folder = mkdtempSync(join(tmpdir(), 'edgepoll-smoke-'));
  const path = join(folder, 'fifo');
  execFileSync('mkfifo', [path]);
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  const poller = new Poller();
  poller.register(fd, { data: 'fifo' });
  setTimeout(() => writeSync(fd, 'some bytes'), 10);
  const buffer = Buffer.alloc(4);
  let text = '';
  for await (const event of poller) {
    deepStrictEqual([event.fd, event.data, event.readable], [fd, 'fifo', true]);
    text += buffer.toString('latin1', 0, readSync(fd, buffer));
    if (text.length === 10) break;
  }
  strictEqual(text, 'some bytes');
  throws(() => poller.register(fd), { code: 'ERR_CLOSED' });
  closeSync(fd);
  rmSync(folder, { recursive: true });
}

/** Leaves a server and two connections open. The process must end all the same, because they are unref()ed. */
async function leaveUnrefed() {
  const server = (await listen({ host, port: 0 })).unref();
  const next = server[Symbol.asyncIterator]().next();
  const client = (await connect({ host, port: server.address.port })).unref();
  const { value: accepted } = await next;
  accepted.unref();
  void client.read();
}

await echoByConnection();
await echoByEvents();
await lines();
await errors();
await readiness();
await descriptors();
await leaveUnrefed();
console.log('smoke ok');
