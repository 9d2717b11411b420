/**
 * The other end, by Python: sockets, terminals and duplicates of descriptors that Node.js has no call for.
 * Each thing is done when its promise resolves. It must never share code with what is tested.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import type { ExecutionContext } from 'ava';
import { socket } from 'edgepoll/fd';
import type { Socket } from 'edgepoll/fd';

import { eventually } from './eventually.js';
import { root } from './process.js';

const script = join(root, '__test__/support/hands.py');

/** A Python process. */
export interface Hands {
  pid: number;
  /** Runs a line of Python there and gives its value; its error is ours. */
  does(what: string): Promise<unknown>;
  /** Ends it, and with it every duplicate that it holds. */
  end(): Promise<void>;
}

/** Starts one; it has duplicates of `descriptors` as 3, 4 and so on. Gone when the test is. */
export function hands(t: ExecutionContext, ...descriptors: number[]): Hands {
  const child = spawn('python3', ['-u', script], {
    stdio: ['pipe', 'pipe', 'inherit', ...descriptors],
  });
  const { pid, stdin, stdout } = child;
  if (pid === undefined || stdin === null || stdout === null)
    throw new Error('this test needs python3');
  const exited = once(child, 'exit');
  t.teardown(() => child.kill('SIGKILL'));
  const lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  return {
    pid,
    async does(what) {
      stdin.write(`${JSON.stringify(what)}\n`);
      const line = await lines.next();
      if (line.done === true) throw new Error(`python3 ended at: ${what}`);
      const answer = JSON.parse(line.value) as { result?: unknown; error?: string };
      if (answer.error !== undefined) throw new Error(`${what}: ${answer.error}`);
      return answer.result;
    },
    async end() {
      stdin.end();
      await exited;
    },
  };
}

/** One TCP connection: our end, which nobody reads, and Python's, named `s` there. */
export interface TcpPair {
  fd: number;
  socket: Socket;
  peer: Hands;
}

/** Opens a connection over loopback. Ours is a bare socket: a runtime's own would read, and close, by itself. */
export async function tcpPair(t: ExecutionContext): Promise<TcpPair> {
  const server = socket('inet', 'stream');
  t.teardown(() => server.close());
  server.bind({ family: 'inet', address: '127.0.0.1', port: 0 });
  server.listen(1);
  const { localAddress } = server;
  const peer = hands(t);
  await peer.does(`s = dial(${localAddress.family === 'inet' ? localAddress.port : 0})`);
  const accepted = server.accept();
  if (accepted === null) throw new Error('nobody connected');
  t.teardown(() => accepted.socket.close());
  return { fd: accepted.socket.fd, socket: accepted.socket, peer };
}

const STATES: Record<string, string> = {
  '01': 'established',
  '04': 'we finished',
  '05': 'we finished and it is acknowledged',
  '08': 'peer finished',
  '09': 'both finished',
};

interface TcpView {
  state: string;
  /** Bytes that nobody has read. */
  unread: number;
}

/** What the kernel's table says of a TCP socket over IPv4; one that was reset is not in it. */
function tcpView(fd: number): TcpView {
  const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1];
  for (const line of readFileSync('/proc/net/tcp', 'utf8').split('\n')) {
    const fields = line.trim().split(/\s+/);
    if (inode === undefined || fields[9] !== inode) continue;
    const unread = Number.parseInt((fields[4] ?? '').split(':')[1] ?? '', 16);
    return { state: STATES[fields[3] ?? ''] ?? `state ${fields[3]}`, unread };
  }
  return { state: 'gone', unread: 0 };
}

/** Waits until everything that the peer did has arrived. */
export function arrived(fd: number, wanted: Partial<TcpView>): Promise<void> {
  return eventually(`${JSON.stringify(wanted)} of fd ${fd}`, () => {
    const view = tcpView(fd);
    return (
      (wanted.state === undefined || wanted.state === view.state) &&
      (wanted.unread === undefined || wanted.unread === view.unread)
    );
  });
}
