// Serves 100 clients with descriptors for fewer, and prints what happened during the shortage and afterwards. The clients
// run in another process, because this one has no descriptors to spare.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';

import type { Driver } from 'edgepoll';
import { listen } from 'edgepoll';

import { eventually } from '../eventually.js';

const CLIENTS = 100;
const LIMIT = 64;

// Reads commands by lines: 'connect' opens the connections, 'send' sends a byte on each, 'end' ends them. Prints a line per
// connection that the kernel has made, and per reply.
const clients = `
  const net = require('node:net');
  const sockets = [];
  const commands = {
    connect() {
      for (let count = 0; count < ${CLIENTS}; count += 1) {
        const socket = net.connect({ port: Number(process.argv[1]), host: '127.0.0.1' });
        socket.on('connect', () => console.log('connected'));
        socket.on('data', () => console.log('echo'));
        sockets.push(socket);
      }
    },
    send() { for (const socket of sockets) socket.write('x'); },
    end() { for (const socket of sockets) socket.end(); },
  };
  const lines = require('node:readline').createInterface({ input: process.stdin });
  lines.on('line', (line) => commands[line]());
`;

const driver = process.argv[2] as Driver;
const server = await listen({ host: '127.0.0.1', port: 0, driver, maxConnections: 1000 });
const child = spawn(process.execPath, ['-e', clients, String(server.address.port)], {
  stdio: ['pipe', 'pipe', 'inherit'],
});
// Not set with ulimit before the start: Node.js raises the soft limit, and the clients would inherit the hard one.
execFileSync('prlimit', ['--pid', String(process.pid), `--nofile=${LIMIT}:${LIMIT}`]);
const printed = { connected: 0, echo: 0 };
createInterface({ input: child.stdout }).on('line', (line) => {
  printed[line as keyof typeof printed] += 1;
});

let served = 0;
const running = (async () => {
  for await (const connection of server) {
    served += 1;
    void (async () => {
      for await (const chunk of connection) await connection.write(chunk);
    })();
  }
})();

child.stdin.write('connect\n');
await eventually('accepting pauses', () => server.stats().acceptPauses > 0);
// Each client that connects wakes the listener up once. That must not count as a wait during the shortage.
await eventually('every client waits in the backlog', () => printed.connected === CLIENTS);
const { open, lastAcceptError } = server.stats();
existsSync('/edgepoll-mark-begin');
const before = { pauses: server.stats().acceptPauses, cpu: process.cpuUsage() };
// Measures how often the server tries, and its CPU time, over two seconds in which no accept can succeed.
const began = performance.now();
await pause(2000);
await eventually(
  'the server tries to accept again',
  () => server.stats().acceptPauses > before.pauses,
);
const cpu = process.cpuUsage(before.cpu);
const seconds = (performance.now() - began) / 1000;
const pauses = server.stats().acceptPauses - before.pauses;
existsSync('/edgepoll-mark-end');
child.stdin.write('send\n');
await eventually('the old connections answer', () => printed.echo >= open);
const echoes = printed.echo;
child.stdin.end('end\n');
await eventually('every client is served', () => served === CLIENTS);
await once(child, 'exit');
server.destroy();
await running;
process.stdout.write(
  JSON.stringify({
    open,
    error: lastAcceptError,
    seconds,
    pauses,
    cpu: cpu.user + cpu.system,
    echoes,
    served,
  }),
);
