// Serves a well-behaved client while another address floods it with connects, and prints what became of them. The clients run in
// another process, because this one counts its own descriptors.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';

import type { Driver } from 'edgepoll';
import { listen } from 'edgepoll';

import { eventually } from '../eventually.js';

const FLOOD = 5_000;
const LIMIT = 100;

// Connects 100 times at once, and again whenever one is refused, until it has tried often enough. Meanwhile another address sends lines,
// and in the end a fresh client of it sends one. Keeps what is accepted until its input ends.
const clients = `
  const net = require('node:net');
  const port = Number(process.argv[1]);
  let tried = 0, refused = 0, echoes = 0, isOver = false;
  const good = net.connect({ port, host: '127.0.0.1' }, () => good.write('x'));
  good.on('data', () => {
    echoes += 1;
    if (!isOver) good.write('x');
  });
  function flood() {
    if (tried === ${FLOOD}) return;
    tried += 1;
    const socket = net.connect({ port, host: '127.0.0.1', localAddress: '127.0.0.2' });
    socket.on('error', () => {});
    socket.on('end', () => socket.destroy());
    socket.on('close', () => {
      if (isOver) return;
      refused += 1;
      if (refused === ${FLOOD - LIMIT}) finish();
      else flood();
    });
  }
  function finish() {
    isOver = true;
    const fresh = net.connect({ port, host: '127.0.0.1' }, () => fresh.write('fresh'));
    fresh.once('data', (data) => {
      console.log(JSON.stringify({ tried, refused, echoes, fresh: String(data) }));
    });
  }
  for (let count = 0; count < ${2 * LIMIT}; count += 1) flood();
  process.stdin.resume().on('end', () => process.exit());
`;

const descriptors = (): number => readdirSync('/proc/self/fd').length;

const [driver, refuseBy] = process.argv.slice(2) as [Driver, 'reset' | 'end'];
let most = 0;
const look = (): void => {
  most = Math.max(most, descriptors());
};
const server = await listen({
  host: '127.0.0.1',
  port: 0,
  driver,
  refuseBy,
  maxConnectionsPerAddress: LIMIT,
  exemptAddresses: ['127.0.0.1'],
  onDrop: look,
});
const child = spawn(process.execPath, ['-e', clients, String(server.address.port)], {
  stdio: ['pipe', 'pipe', 'inherit'],
});
const before = descriptors();
let accepted = 0;
const running = (async () => {
  for await (const event of server.events()) {
    look();
    if (event.type === 'data') void event.connection.write(event.data);
    if (event.type === 'open' && event.connection.remoteAddress?.address === '127.0.0.2')
      accepted += 1;
  }
})();
const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
const stats = server.stats();
child.stdin.end();
await once(child, 'exit');
await eventually('all connections are over', () => server.stats().open === 0);
// The descriptors of the child's two pipes were closed with it.
const after = descriptors() + 2;
server.destroy();
await running;
process.stdout.write(JSON.stringify({ ...JSON.parse(line), before, most, after, accepted, stats }));
