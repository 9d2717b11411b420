// The addresses of a closed connection, also when the program did not read them while it was open.
import test from 'ava';
import type { ExecutionContext } from 'ava';
import type { Address, Connection, Driver } from 'edgepoll';
import { connect } from 'edgepoll';

import { eventually } from '../support/eventually.js';
import { dial, loopback6Test, netServer, nextOf, receiveAll, serverOf } from '../support/net.js';

type End = 'ended' | 'reset' | 'destroyed' | 'server.destroy()';
const ENDS: readonly End[] = ['ended', 'reset', 'destroyed', 'server.destroy()'];

const address = (port: number | undefined, of = '127.0.0.1'): Address => ({
  address: of,
  port: port ?? 0,
  family: of.includes(':') ? 'IPv6' : 'IPv4',
});

/** Ends a connection as `how` names it. Checks its addresses at its `close` event, and again after its slot has been reused. */
async function ending(
  t: ExecutionContext,
  how: End,
  driver: Driver,
  host: string,
  to: string,
): Promise<void> {
  const server = await serverOf(t, { driver, host });
  const events = server.events();
  const [{ connection }, peer] = await Promise.all([nextOf(events), dial(server.address.port, to)]);
  const { localPort } = peer;
  const received = receiveAll(peer);
  if (how === 'ended') peer.end();
  if (how === 'reset') peer.resetAndDestroy();
  if (how === 'destroyed') connection.destroy();
  if (how === 'server.destroy()') server.destroy();
  let event = await nextOf(events);
  while (event.type !== 'close') event = await nextOf(events);
  const check = (when: string): void => {
    const shown =
      host === '::' ? (of: string): string => `::ffff:${of}` : (of: string): string => of;
    const isMapped = host === '::' && to.includes('.');
    const local = address(server.address.port, isMapped ? shown(to) : to);
    const remote = address(
      localPort,
      isMapped ? shown('127.0.0.1') : to === '::1' ? to : '127.0.0.1',
    );
    t.deepEqual(connection.localAddress, local, when);
    t.deepEqual(connection.remoteAddress, remote, when);
  };
  check('in the event');
  await received;
  await connection.closed;
  // A second connection takes over the slot of the first.
  const [again, other] = await (how === 'server.destroy()'
    ? [undefined, undefined]
    : Promise.all([nextOf(events), dial(server.address.port, to)]));
  t.is(again?.type, how === 'server.destroy()' ? undefined : 'open');
  check('later');
  other?.destroy();
}

for (const driver of ['uv', 'thread'] satisfies Driver[]) {
  for (const how of ENDS) {
    test(`on one address: ${how}, ${driver}`, (t) =>
      ending(t, how, driver, '127.0.0.1', '127.0.0.1'));
    test(`on all addresses of IPv4: ${how}, ${driver}`, (t) =>
      ending(t, how, driver, '0.0.0.0', '127.0.0.3'));
    loopback6Test(`on all addresses of IPv6: ${how}, ${driver}`, (t) =>
      ending(t, how, driver, '::', '::1'),
    );
    loopback6Test(`IPv4 through an IPv6 socket: ${how}, ${driver}`, (t) =>
      ending(t, how, driver, '::', '127.0.0.2'),
    );
  }
}

for (const how of ['ended', 'destroyed'] as const) {
  test(`of connect(): ${how}`, async (t) => {
    const sockets: { port: number | undefined }[] = [];
    const { port } = await netServer(t, '127.0.0.1', (socket) => {
      sockets.push({ port: socket.remotePort });
      socket.end();
      socket.resume();
    });
    const connection: Connection = await connect({ host: '127.0.0.1', port });
    await eventually('it is accepted', () => sockets.length === 1);
    if (how === 'destroyed') connection.destroy();
    else for await (const _ of connection) t.fail('nothing was sent');
    await connection.closed;
    await dial(port);
    t.deepEqual(connection.localAddress, address(sockets[0]?.port));
    t.deepEqual(connection.remoteAddress, address(port));
  });
}
