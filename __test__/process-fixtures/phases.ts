/**
 * Everything that may be going on when an environment ends. Each phase calls `ready` when it is in the middle of
 * its work and goes on working: it must never come to rest by itself, except where rest is the phase.
 */
import { constants, openSync } from 'node:fs';

import type { Driver, Server } from 'edgepoll';
import { connect, listen, Poller } from 'edgepoll';

const host = '127.0.0.1';

type Phase = (driver: Driver, fifo: string, ready: () => void) => Promise<void> | void;

async function echo(server: Server): Promise<void> {
  for await (const connection of server) {
    void (async () => {
      for await (const chunk of connection) await connection.write(chunk);
    })();
  }
}

/** Both ends of a pipe in one descriptor: always writable, never readable. */
function openPipe(fifo: string): number {
  return openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
}

export const phases: Record<string, Phase> = {
  'right after import': (_driver, _fifo, ready) => ready(),

  'while listen() is pending': (driver, _fifo, ready) => {
    void listen({ host, port: 0, driver });
    ready();
  },

  'idle listening': async (driver, _fifo, ready) => {
    const server = await listen({ host, port: 0, driver });
    void echo(server);
    ready();
  },

  'during an accept flood': async (driver, _fifo, ready) => {
    const server = await listen({ host, port: 0, driver });
    const { port } = server.address;
    for (let client = 0; client < 4; client += 1) {
      void (async () => {
        for (;;) (await connect({ host, port, driver })).destroy();
      })();
    }
    let accepted = 0;
    for await (const connection of server) {
      connection.destroy();
      accepted += 1;
      if (accepted === 20) ready();
    }
  },

  'in the middle of an echo': async (driver, _fifo, ready) => {
    const server = await listen({ host, port: 0, driver });
    void echo(server);
    const client = await connect({ host, port: server.address.port, driver });
    void client.write(Buffer.alloc(100_000));
    let chunks = 0;
    for await (const chunk of client) {
      void client.write(chunk);
      chunks += 1;
      if (chunks === 20) ready();
    }
  },

  'inside a batch of events': async (driver, _fifo, ready) => {
    const server = await listen({ host, port: 0, driver });
    const client = await connect({ host, port: server.address.port, driver });
    void client.write('x');
    for await (const event of server.events()) {
      if (event.type !== 'data') continue;
      ready();
      // Only the end of the environment ends this.
      for (;;);
    }
  },

  'with pending writes': async (driver, _fifo, ready) => {
    const server = await listen({ host, port: 0, driver });
    const { port } = server.address;
    const client = await connect({ host, port, driver, maxBufferedAmount: 2 ** 26 });
    // Nobody accepts, so nobody reads; the kernel takes a few megabytes.
    void client.write(Buffer.alloc(2 ** 24));
    if (client.bufferedAmount === 0) throw new Error('the kernel took everything');
    ready();
  },

  'while connecting': async (driver, _fifo, ready) => {
    const server = await listen({ host, port: 0, backlog: 1, driver });
    const { port } = server.address;
    // Nobody accepts: the backlog takes two, and who comes later waits in its handshake.
    await Promise.all([connect({ host, port, driver }), connect({ host, port, driver })]);
    for (let count = 0; count < 4; count += 1) void connect({ host, port, driver });
    ready();
  },

  'with a poller waiting': (driver, fifo, ready) => {
    const poller = new Poller({ driver });
    poller.register(openPipe(fifo), { priority: true });
    void poller[Symbol.asyncIterator]().next();
    ready();
  },

  'with a poller in full flight': async (driver, fifo, ready) => {
    const poller = new Poller({ driver });
    poller.register(openPipe(fifo), { writable: true });
    let events = 0;
    for await (const event of poller) {
      if (event.writable) events += 1;
      if (events === 20) ready();
    }
  },
};
