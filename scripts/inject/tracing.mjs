// Runs the program under strace with one injected error, or with none, beside its peers. Reads strace's log.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { Peers } from './peers.mjs';

/** The longest run, in milliseconds. */
const limit = 60_000;

/** A call in strace's log: its number in the order of the calls of that name, and its whole line. */
const callLine = /^(?:\d+ +)?([a-z_0-9]+)\(/;

/**
 * Runs `command` under strace. `inject` is what strace injects, for example `sendto:error=EIO:when=3`. Once no byte has moved for
 * `patience` milliseconds, no more is expected of the connections. Resolves with how the program ended, its report, the log's lines, and
 * what is wrong with its peers.
 */
export async function runTraced(command, { trace, inject, patience }) {
  const folder = mkdtempSync(`${tmpdir()}/edgepoll-inject-`);
  const log = `${folder}/log`;
  const peers = new Peers();
  try {
    const sink = await peers.listen();
    const options = ['-f', '-qq', '-yy', '-e', `trace=${trace}`, '-e', 'signal=none', '-o', log];
    if (inject !== undefined) options.push('-e', `inject=${inject}`);
    const child = spawn('strace', [...options, ...command, String(sink)], {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    let hung = false;
    const timer = setTimeout(() => {
      hung = true;
      process.kill(-child.pid, 'SIGKILL');
    }, limit);
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
    const lines = [];
    const reader = createInterface({ input: child.stdout });
    let over = false;
    const ended = once(child, 'close').then(([code, signal]) => {
      over = true;
      clearTimeout(timer);
      return { code, signal };
    });
    reader.on('line', (line) => lines.push(line));
    await Promise.race([once(reader, 'line'), ended]);
    // The part without connections prints its report alone.
    const first = lines.length > 0 && !over ? JSON.parse(lines[0]) : [];
    const ports = Array.isArray(first) ? first : [];
    let faults = [];
    if (ports.length > 0) {
      peers.start(ports[0]);
      await Promise.race([peers.settled(patience), ended]);
      await Promise.race([peers.quit(ports[0], () => over), ended]);
    }
    const how = await ended;
    if (ports.length > 0) faults = peers.faults();
    const last = lines.length > 0 ? JSON.parse(lines.at(-1)) : undefined;
    const report = Array.isArray(last) ? undefined : last;
    return { ...how, hung, stderr, report, faults, lines: readFileSync(log, 'utf8').split('\n') };
  } finally {
    peers.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** How often each call is made before the first mark, and between the marks. */
export function countCalls(lines) {
  const before = new Map();
  const between = new Map();
  let marks = 0;
  for (const line of lines) {
    const name = callLine.exec(line)?.[1];
    if (name === undefined) continue;
    if (name === 'getppid') marks += 1;
    const counts = marks === 0 ? before : between;
    if (marks < 2) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return { before, between };
}

/** The call that failed: its line, and the ports of the connection that it was made for. */
export function injectedCall(lines) {
  const line = lines.find((each) => each.endsWith('(INJECTED)'));
  if (line === undefined) return undefined;
  const ports = [...line.matchAll(/\[[\d.]+:(\d+)->[\d.]+:(\d+)\]/g)].flatMap(([, ...both]) =>
    both.map(Number),
  );
  return { line, ports };
}
