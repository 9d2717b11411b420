/** Finds the descriptor number of a connected socket in /proc, because not every runtime exposes it. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

function hexPort(port: number | undefined): string {
  return (port ?? 0).toString(16).toUpperCase().padStart(4, '0');
}

interface Ports {
  localPort?: number | undefined;
  remotePort?: number | undefined;
}

/** The descriptor of a connected IPv4 socket of this process. */
export function descriptorOf(socket: Ports): number {
  const [local, remote] = [`:${hexPort(socket.localPort)}`, `:${hexPort(socket.remotePort)}`];
  const row = readFileSync('/proc/self/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .find(([, from, to]) => from?.endsWith(local) === true && to?.endsWith(remote) === true);
  const inode = row?.[9];
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      if (readlinkSync(`/proc/self/fd/${fd}`) === `socket:[${inode}]`) return Number(fd);
    } catch {
      // The descriptor of the listing itself is closed by now.
    }
  }
  throw new Error(`no descriptor for the socket ${local} ${remote}`);
}
