/**
 * What has to wait or to come later, beside global functions that somebody replaced after the import, as a test's fake
 * timers are: `replaced-globals poll|write|close|throw`. Says `late` for what has not come in thirty seconds.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { connect, listen, Poller } from 'edgepoll';
import { Epoll } from 'edgepoll/epoll';
import { pipe } from 'edgepoll/fd';

/** They take what they are given, and that is all. */
function replaceGlobals(): void {
  const later = (): object => ({ ref: () => {}, unref: () => {}, hasRef: () => true });
  const fake = { setTimeout: later, setInterval: later, setImmediate: later, queueMicrotask() {} };
  Object.assign(globalThis, fake);
  Object.defineProperty(globalThis, 'performance', { value: { now: () => 0 } });
}

async function pair() {
  const server = await listen({ port: 0 });
  const accepted = server[Symbol.asyncIterator]().next();
  const client = await connect({ port: server.address.port });
  const { value: connection } = await accepted;
  if (connection === undefined) throw new Error('no connection');
  return { server, client, connection };
}

const cases: Record<string, () => Promise<unknown>> = {
  async poll() {
    const { reader } = pipe();
    const poller = new Poller();
    poller.register(reader);
    replaceGlobals();
    return poller.poll({ timeout: 20 });
  },
  async write() {
    const { client, connection } = await pair();
    replaceGlobals();
    // Nobody empties the stage after a timer but a microtask of its own.
    await sleep(1);
    await client.write('x');
    const { value } = await connection[Symbol.asyncIterator]().next();
    return value?.toString();
  },
  async close() {
    const { server } = await pair();
    replaceGlobals();
    await server.close({ timeout: 20 });
    return 'closed';
  },
  async throw() {
    const { reader, writer } = pipe();
    const uncaught = new Promise((resolve) => {
      process.on('uncaughtException', ({ message }) => resolve(message));
    });
    const epoll = new Epoll((_error, fd) => {
      epoll.remove(fd);
      throw new Error('thrown by a callback');
    });
    epoll.add(reader.fd, Epoll.EPOLLIN);
    replaceGlobals();
    writer.write('x');
    const message = await uncaught;
    reader.close();
    writer.close();
    return message;
  },
};

const [name = ''] = process.argv.slice(2);
const told = await Promise.race([cases[name]?.(), sleep(30_000, 'late')]);
process.stdout.write(`${JSON.stringify(told)}\n`, () => process.exit());
