// Which clients a server accepts: the number of connections and the rate of an address, exempt addresses, and the block list.
import { BlockList } from 'node:net';

import test from 'ava';

import { eventually } from '../../support/eventually.js';
import { loopback6Test, nextOf, serverOf } from '../../support/net.js';
import { drivers } from '../../support/process.js';
import { dialFrom, echo, tryFrom } from './helpers.js';

for (const driver of drivers) {
  test(`an address has its own number of connections, and one that closes makes room; driver ${driver}`, async (t) => {
    const server = await serverOf(t, { driver, maxConnections: 100, maxConnectionsPerAddress: 2 });
    echo(server);
    for (const from of ['127.0.0.2', '127.0.0.3']) {
      t.is(await tryFrom(t, server, from), 'open');
      const second = dialFrom(t, server.address, from);
      second.socket.write('x');
      t.is(await second.outcome, 'open');
      t.is(await tryFrom(t, server, from), 'reset');
      second.socket.destroy();
      await eventually('there is room', () => server.stats().open % 2 === 1);
      t.is(await tryFrom(t, server, from), 'open');
    }
    t.like(server.stats(), { accepted: 6, open: 4, overAddressLimit: 2, overAcceptRate: 0 });
  });

  test(`an address connects only so often in a second; driver ${driver}`, async (t) => {
    const server = await serverOf(t, { driver, acceptRatePerAddress: 2 });
    echo(server);
    const started = process.hrtime.bigint();
    t.is(await tryFrom(t, server, '127.0.0.2'), 'open');
    t.is(await tryFrom(t, server, '127.0.0.2'), 'open');
    let refused = 0;
    while ((await tryFrom(t, server, '127.0.0.2')) !== 'open') refused += 1;
    const passed = Number(process.hrtime.bigint() - started) / 1e6;
    // The third token comes half a second after the first connect. The reactor's clock counts whole milliseconds.
    t.true(passed >= 498, `${passed} ms`);
    t.true(refused > 0);
    t.is(await tryFrom(t, server, '127.0.0.3'), 'open');
    t.like(server.stats(), { overAcceptRate: refused, overAddressLimit: 0, blocked: 0 });
  });

  test(`a blocked address is refused, also if it is exempt, and the list can be replaced; driver ${driver}`, async (t) => {
    const server = await serverOf(t, {
      driver,
      blockList: ['127.0.0.2', '127.0.1.0/24'],
      exemptAddresses: ['127.0.0.0/8'],
      maxConnectionsPerAddress: 1,
    });
    echo(server);
    t.is(await tryFrom(t, server, '127.0.0.2'), 'reset');
    t.is(await tryFrom(t, server, '127.0.1.255'), 'reset');
    for (let count = 0; count < 3; count += 1)
      t.is(await tryFrom(t, server, '127.0.0.1'), 'open', 'exempt');
    const held = dialFrom(t, server.address, '127.0.3.1');
    held.socket.write('x');
    t.is(await held.outcome, 'open');
    const list = new BlockList();
    list.addSubnet('127.0.3.0', 24);
    list.addRange('127.0.4.1', '127.0.4.9');
    list.addAddress('127.0.5.1');
    server.setBlockList(list);
    for (const from of ['127.0.3.1', '127.0.4.9', '127.0.5.1'])
      t.is(await tryFrom(t, server, from), 'reset', from);
    for (const from of ['127.0.0.2', '127.0.4.10', '127.0.5.2'])
      t.is(await tryFrom(t, server, from), 'open', from);
    t.is(server.stats().blocked, 5);
    // A connection that was open stays open.
    const again = new Promise((resolve) => {
      held.socket.once('data', resolve);
    });
    held.socket.write('y');
    t.is(String(await again), 'y');
    server.setBlockList([]);
    t.is(await tryFrom(t, server, '127.0.3.1'), 'open');
  });

  test(`refuseBy end: a refused client sees FIN; driver ${driver}`, async (t) => {
    const server = await serverOf(t, { driver, blockList: ['127.0.0.2'], refuseBy: 'end' });
    echo(server);
    t.is(await tryFrom(t, server, '127.0.0.2', '127.0.0.1', false), 'end');
    t.is(await tryFrom(t, server, '127.0.0.1'), 'open');
  });
}

loopback6Test('an IPv4 address is the same on an IPv6 socket', async (t) => {
  const server = await serverOf(t, { host: '::', blockList: ['127.0.0.2', '::1'] });
  echo(server);
  t.is(await tryFrom(t, server, '127.0.0.2'), 'reset');
  t.is(await tryFrom(t, server, '::1', '::1'), 'reset');
  t.is(await tryFrom(t, server, '127.0.0.3'), 'open');
  server.setBlockList(['::ffff:127.0.0.0/104']);
  t.is(await tryFrom(t, server, '127.0.0.3'), 'reset');
  t.is(await tryFrom(t, server, '::1', '::1'), 'open');
});

test('a list of 100,000 prefixes', async (t) => {
  const many = Array.from(
    { length: 100_000 },
    (_, at) => `10.${(at >> 8) & 255}.${at & 255}.${(at >> 16) << 7}/25`,
  );
  const server = await serverOf(t, { blockList: [...many, '127.0.0.2'] });
  echo(server);
  t.is(await tryFrom(t, server, '127.0.0.2'), 'reset');
  t.is(await tryFrom(t, server, '127.0.0.3'), 'open');
});

test('drop events: ten a second at most, and all refusals are counted', async (t) => {
  const drops: { reason: string; count: number; address: string }[] = [];
  const server = await serverOf(t, {
    blockList: ['127.0.0.2'],
    maxConnectionsPerAddress: 1,
    onDrop: (drop) => drops.push(drop),
  });
  const events = server.events({ drops: true });
  const told: Record<string, number> = {};
  let times = 0;
  const consumer = (async () => {
    for await (const event of events) {
      if (event.type !== 'drop') continue;
      told[event.reason] = (told[event.reason] ?? 0) + event.count;
      times += 1;
      t.is(event.address, event.reason === 'blocked' ? '127.0.0.2' : '127.0.0.3');
    }
  })();
  const started = performance.now();
  const keeps = dialFrom(t, server.address, '127.0.0.3');
  await eventually('it is accepted', () => server.stats().accepted === 1);
  for (let count = 0; count < 100; count += 1) {
    t.is(await tryFrom(t, server, '127.0.0.2'), 'reset');
    t.is(await tryFrom(t, server, '127.0.0.3'), 'reset');
  }
  t.like(server.stats(), { blocked: 100, overAddressLimit: 100, overAcceptRate: 0, open: 1 });
  await eventually('all are told', () => told['blocked'] === 100 && told['address-limit'] === 100);
  const seconds = (performance.now() - started) / 1000;
  t.true(times <= 1 + seconds * 10, `${times} events in ${seconds} s`);
  t.is(drops.length, times);
  t.is(
    drops.reduce((sum, { count }) => sum + count, 0),
    200,
  );
  server.destroy();
  await consumer;
  t.like(server.stats(), { blocked: 100, overAddressLimit: 100 }, 'also when the server is closed');
  keeps.socket.destroy();
});

test('without the option there are no drop events', async (t) => {
  const server = await serverOf(t, { blockList: ['127.0.0.2'] });
  const events = server.events();
  const first = nextOf(events);
  t.is(await tryFrom(t, server, '127.0.0.2'), 'reset');
  dialFrom(t, server.address, '127.0.0.1');
  t.is((await first).type, 'open');
});

test('setBlockList() refuses what is no list, and does nothing once the server is closed', async (t) => {
  const server = await serverOf(t);
  for (const list of [undefined, null, 5, '10.0.0.1', {}, [5]])
    t.throws(() => server.setBlockList(list as never), { code: 'ERR_INVALID_ARG_TYPE' });
  t.throws(() => server.setBlockList(['10.0.0.1', '10.0.0.0/33']), {
    instanceOf: RangeError,
    message: /^list\[1\] must be an address .* not '10\.0\.0\.0\/33'$/,
  });
  await server.close();
  server.setBlockList(['10.0.0.1']);
  t.like(server.stats(), { blocked: 0, overAddressLimit: 0, overAcceptRate: 0 });
});

test('maxConnectionsPerAddress is half of maxConnections by default', async (t) => {
  for (const [maxConnections, half] of [
    [1, 1],
    [5, 2],
  ] as const) {
    const server = await serverOf(t, { maxConnections });
    echo(server);
    const clients = Array.from({ length: half }, () => dialFrom(t, server.address, '127.0.0.2'));
    for (const { socket, outcome } of clients) {
      socket.write('x');
      t.is(await outcome, 'open');
    }
    if (half < maxConnections) t.is(await tryFrom(t, server, '127.0.0.2'), 'reset');
    server.destroy();
  }
});

test('drop events that nobody takes are one event with the whole count', async (t) => {
  const told: number[] = [];
  const server = await serverOf(t, {
    blockList: ['127.0.0.2', '127.0.0.3'],
    onDrop: ({ count }) => told.push(count),
  });
  const events = server.events({ drops: true });
  const first = nextOf(events);
  t.is(await tryFrom(t, server, '127.0.0.2'), 'reset');
  t.like(await first, { type: 'drop', address: '127.0.0.2', reason: 'blocked', count: 1 });
  let tried = 1;
  while (told.length < 4) {
    t.is(await tryFrom(t, server, '127.0.0.3'), 'reset');
    tried += 1;
  }
  await eventually('all are told', () => told.reduce((sum, count) => sum + count) === tried);
  t.like(await nextOf(events), { type: 'drop', address: '127.0.0.3', count: tried - 1 });
});
