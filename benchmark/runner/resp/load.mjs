// The load of the RESP benchmark: redis-benchmark. The server's CPU time is read from /proc before and after.

import { readdirSync, readFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { once } from 'node:events';
import { run } from '../children.mjs';
import { ROOT } from '../prepare.mjs';

const CLIENTS = 50;
const KEYS = 10_000;
const CONNECT_TIMEOUT_MS = 10_000;

/** @typedef {{ cpu: number, rate: number }} Window CPU µs per command, and commands per second */

/**
 * @param {import('../server-process.mjs').Server} server
 * @param {{ cpu: number, test: string, pipeline: number, commands: number }} settings
 * @returns {Promise<Window>}
 */
export async function load(server, { cpu, test, pipeline, commands }) {
  const [host, port] = server.address.split(':');
  const before = cpuTime(server.pid);
  const where = ['-h', host, '-p', port, '-c', CLIENTS, '-r', KEYS];
  const what = ['-t', test, '-n', commands, '-P', pipeline, '--csv'];
  const args = ['-c', cpu, 'redis-benchmark', ...where, ...what].map(String);
  const output = await run('taskset', args, ROOT);
  const used = cpuTime(server.pid) - before;
  // "test","rps",… : one line behind the head.
  const rate = Number(output.trim().split('\n').at(-1)?.split(',')[1]?.replaceAll('"', ''));
  if (!(rate > 0)) throw new Error(`redis-benchmark said '${output.trim()}'`);
  return { cpu: used / commands, rate };
}

/** CPU time of all threads of a process so far, in µs. @param {number} pid */
function cpuTime(pid) {
  let nanoseconds = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    nanoseconds += Number(
      readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0],
    );
  }
  return nanoseconds / 1000;
}

/**
 * Sends commands and compares the replies.
 * @param {import('../server-process.mjs').Server} server
 */
export async function check(server) {
  const socket = await connected(server);
  const commands =
    '*1\r\n$4\r\nPING\r\n*3\r\n$3\r\nSET\r\n$9\r\nbench:key\r\n$3\r\nxyz\r\n*2\r\n$3\r\nGET\r\n$9\r\nbench:key\r\n';
  const expected = '+PONG\r\n+OK\r\n$3\r\nxyz\r\n';
  socket.write(commands);
  let got = '';
  for await (const chunk of socket.setEncoding('latin1')) {
    got += chunk;
    if (got.length >= expected.length) break;
  }
  socket.destroy();
  if (got !== expected) throw new Error(`${server.name} answered ${JSON.stringify(got)}`);
}

/** Connects as soon as the server listens. @param {import('../server-process.mjs').Server} server */
async function connected(server) {
  const [host, port] = server.address.split(':');
  const end = Date.now() + CONNECT_TIMEOUT_MS;
  for (;;) {
    const socket = createConnection(Number(port), host);
    try {
      await once(socket, 'connect');
      return socket;
    } catch (error) {
      if (Date.now() > end) throw error;
    }
  }
}
