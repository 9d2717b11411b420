// Whether the kernel is short of memory for TCP (tcp_mem in tcp(7)). It then drops and delays bytes of all connections of the machine.

import { readFileSync } from 'node:fs';

/** Counters of /proc/net/netstat that rise while memory is short. */
const counters = ['TCPMemoryPressures', 'TCPAbortOnMemory', 'TCPRcvQDrop', 'RcvPruned'];

/** How often the kernel was short of memory so far. Two equal numbers: it was not in between. */
export function shortages() {
  const [names, numbers] = readFileSync('/proc/net/netstat', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('TcpExt:'))
    .map((line) => line.split(' '));
  return counters.reduce((sum, name) => sum + Number(numbers[names.indexOf(name)] ?? 0), 0);
}

/** Resolves once less memory is used than where the kernel begins to save, or after a minute. */
export async function untilPlenty() {
  const [least] = readFileSync('/proc/sys/net/ipv4/tcp_mem', 'utf8').split(/\s+/).map(Number);
  for (let second = 0; second < 60; second += 1) {
    const used = /^TCP:.* mem (\d+)/m.exec(readFileSync('/proc/net/sockstat', 'utf8'));
    if (used === null || Number(used[1]) < least) return;
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}
