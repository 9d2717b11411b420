// Serves 100 clients with room for fewer: prints what happened while descriptors were short and afterwards. The
// clients are a process of their own, because this one has no descriptors to spare.
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

// Told 'go' they connect, told 'ask' they send a byte each, told 'leave' they end; each answer is a line.
const clients = `
  const net = require('node:net');
  const sockets = [];
  const told = {
    go() {
      for (let count = 0; count < ${CLIENTS}; count += 1) {
        const socket = net.connect({ port: Number(process.argv[1]), host: '127.0.0.1' });
        socket.on('data', () => console.log('echo'));
        sockets.push(socket);
      }
    },
    ask() { for (const socket of sockets) socket.write('x'); },
    leave() { for (const socket of sockets) socket.end(); },
  };
  const lines = require('node:readline').createInterface({ input: process.stdin });
  lines.on('line', (line) => told[line]());
`;

const driver = process.argv[2] as Driver;
const server = await listen({ host: '127.0.0.1', port: 0, driver, maxConnections: 1000 });
const child = spawn(process.execPath, ['-e', clients, String(server.address.port)], {
  stdio: ['pipe', 'pipe', 'inherit'],
});
// Not by the shell that starts us: Node.js raises the soft limit, and the clients would inherit the hard one.
execFileSync('prlimit', ['--pid', String(process.pid), `--nofile=${LIMIT}:${LIMIT}`]);
let replies = 0;
createInterface({ input: child.stdout }).on('line', () => {
  replies += 1;
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

child.stdin.write('go\n');
await eventually('accept runs dry', () => server.stats().acceptPauses > 0);
const { open, lastAcceptError } = server.stats();
existsSync('/edgepoll-mark-begin');
const before = { pauses: server.stats().acceptPauses, cpu: process.cpuUsage() };
// The time is what is measured here: how much is done in it, when nothing can be done.
const began = performance.now();
await pause(2000);
await eventually('it tries again', () => server.stats().acceptPauses > before.pauses);
const cpu = process.cpuUsage(before.cpu);
const seconds = (performance.now() - began) / 1000;
const pauses = server.stats().acceptPauses - before.pauses;
existsSync('/edgepoll-mark-end');
child.stdin.write('ask\n');
await eventually('the old connections answer', () => replies >= open);
const echoes = replies;
child.stdin.end('leave\n');
await eventually('everybody is served', () => served === CLIENTS);
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
