/**
 * Makes the system call of one kind, which strace makes fail: `refused-calls DRIVER KIND`. Prints the errors that the program
 * gets, and how the connection ends for the peer.
 */
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';

import type { Connection, Driver } from 'edgepoll';
import { connect, listen } from 'edgepoll';

const [driverName, kind] = process.argv.slice(2);
const driver = driverName as Driver;
const host = '127.0.0.1';

function report(what: object): void {
  process.stdout.write(`${JSON.stringify(what)}\n`, () => process.exit());
}

/** A connection, and a peer that reads nothing yet. */
async function pair(): Promise<{ connection: Connection; peer: Connection }> {
  const server = await listen({ host, port: 0, driver, endTimeout: 1000 });
  const accepted = server[Symbol.asyncIterator]();
  const [{ value: connection }, peer] = await Promise.all([
    accepted.next(),
    connect({ host, port: server.address.port, driver, allowHalfOpen: true }),
  ]);
  if (connection === undefined) throw new Error('no connection');
  return { connection, peer };
}

/** How the connection ends for the peer: `end`, or an error's code. */
async function seenBy(peer: Connection): Promise<string | undefined> {
  try {
    for (;;) if ((await peer.read()) === null) return 'end';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
}

async function failure(connection: Connection): Promise<object> {
  const { code, syscall } = ((await connection.closed).error ?? {}) as NodeJS.ErrnoException;
  return { code, syscall };
}

if (kind === 'connect') {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  try {
    await connect({ host, port: (server.address() as AddressInfo).port, driver });
    report({});
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    report({ code, syscall });
  }
} else if (kind === 'alarm') {
  const uncaught: string[] = [];
  process.on('uncaughtException', ({ message }) => uncaught.push(message));
  // The deadline of the first connect needs the alarm, so the first pair causes the error. Later pairs must work all the same.
  for (let round = 0; round < 3; round += 1) {
    const { connection, peer } = await pair();
    void connection.end('served');
    if ((await peer.read())?.toString() !== 'served') throw new Error('it does not go on');
  }
  report({ uncaught });
} else {
  const { connection, peer } = await pair();
  if (kind === 'lose') {
    connection.write(Buffer.alloc(15 * 1_048_576)).catch(() => {});
    connection.destroy();
    report({ peer: await seenBy(peer) });
  } else {
    if (kind === 'send') connection.write(Buffer.alloc(100_000)).catch(() => {});
    else void connection.end();
    const failed = await failure(connection);
    report({ peer: await seenBy(peer), ...failed });
  }
}
