/**
 * A peer process in Python, for sockets, terminals and duplicated descriptors that Node.js has no calls for. It shares no
 * code with the package under test. Each operation is complete when its promise resolves.
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

const script = join(root, '__test__/support/python.py');

/** A Python process. */
export interface Python {
  pid: number;
  /** Evaluates a line of Python and returns its value; rejects if it raises an exception. */
  run(code: string): Promise<unknown>;
  /** Ends the process, which closes its duplicates. */
  end(): Promise<void>;
}

/** Starts Python with duplicates of `descriptors` as 3, 4 and so on. It is killed when the test ends. */
export function startPython(t: ExecutionContext, ...descriptors: number[]): Python {
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
    async run(code) {
      stdin.write(`${JSON.stringify(code)}\n`);
      const line = await lines.next();
      if (line.done === true) throw new Error(`python3 ended at: ${code}`);
      const answer = JSON.parse(line.value) as { result?: unknown; error?: string };
      if (answer.error !== undefined) throw new Error(`${code}: ${answer.error}`);
      return answer.result;
    },
    async end() {
      stdin.end();
      await exited;
    },
  };
}

/** A TCP connection: our end, which is not read automatically, and Python's end, named `s` there. */
export interface TcpPair {
  fd: number;
  socket: Socket;
  peer: Python;
}

/** Opens a connection over loopback. Our end is a socket of edgepoll/fd, because one of node:net would read and close by itself. */
export async function tcpPair(t: ExecutionContext): Promise<TcpPair> {
  const server = socket('inet', 'stream');
  t.teardown(() => server.close());
  server.bind({ family: 'inet', address: '127.0.0.1', port: 0 });
  server.listen(1);
  const { localAddress } = server;
  const peer = startPython(t);
  await peer.run(`s = dial(${localAddress.family === 'inet' ? localAddress.port : 0})`);
  const accepted = server.accept();
  if (accepted === null) throw new Error('no connection');
  t.teardown(() => accepted.socket.close());
  return { fd: accepted.socket.fd, socket: accepted.socket, peer };
}

const STATES: Record<string, string> = {
  '01': 'established',
  '04': 'FIN sent',
  '05': 'FIN acknowledged',
  '08': 'FIN received',
  '09': 'FIN sent and received',
};

interface TcpView {
  state: string;
  /** Received bytes that have not been read. */
  unread: number;
}

/** The state of a TCP socket over IPv4 in /proc/net/tcp; a socket that was reset is not listed. */
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

/** Waits until the peer's segments have arrived: until the socket has this state or number of unread bytes. */
export function arrived(fd: number, wanted: Partial<TcpView>): Promise<void> {
  return eventually(`${JSON.stringify(wanted)} of fd ${fd}`, () => {
    const view = tcpView(fd);
    return (
      (wanted.state === undefined || wanted.state === view.state) &&
      (wanted.unread === undefined || wanted.unread === view.unread)
    );
  });
}
