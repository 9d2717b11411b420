// Counts system calls, instructions and cycles per message in a short run of its own, because counting system calls
// slows the server down.

import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { start } from './children.mjs';

const SYSCALLS = 'raw_syscalls:sys_enter';
const HARDWARE = ['instructions:u', 'instructions:k', 'cycles:u', 'cycles:k'];

/** @typedef {{ syscalls: 'perf' | 'strace' | undefined, hardware: boolean }} Counters */

/** Tries what this machine can count. @returns {Counters} */
export function findCounters() {
  const perf = (/** @type {string} */ events) => {
    const result = spawnSync('perf', ['stat', '-x', ',', '-e', events, 'true'], {
      encoding: 'utf8',
    });
    return result.status === 0 && !/<not (supported|counted)>/.test(result.stderr);
  };
  const strace = () => spawnSync('strace', ['-c', '-o', '/dev/null', 'true']).status === 0;
  return {
    syscalls: perf(SYSCALLS) ? 'perf' : strace() ? 'strace' : undefined,
    hardware: perf(HARDWARE.join(',')),
  };
}

/** @param {Counters} counters */
export function explainCounters({ syscalls, hardware }) {
  const how = {
    perf: 'counted by perf in a run of its own',
    strace:
      'counted by strace in a run of its own, which slows the server and changes its batches; perf (with tracefs) is exact',
    none: 'not counted: neither perf (with tracefs) nor strace works here',
  };
  return {
    syscalls: how[syscalls ?? 'none'],
    instructions: hardware ? how.perf : 'not counted: no hardware counters here',
  };
}

/** Length of a counted window and of the warm-up before it. */
const SECONDS = 0.1;
const WARMUP = 0.05;

/**
 * @param {Counters} counters
 * @param {import('./load-process.mjs').Load} load
 * @param {number} pid the server's
 * @returns {Promise<Record<string, number>>} per message
 */
export async function countPerMessage(counters, load, pid) {
  /** @type {Record<string, number>} */
  const result = {};
  if (counters.syscalls) {
    const tool = counters.syscalls === 'perf' ? new Perf(pid, [SYSCALLS]) : new Strace(pid);
    result.syscalls = (await countWith(tool, load))[SYSCALLS];
  }
  if (counters.hardware) Object.assign(result, await countWith(new Perf(pid, HARDWARE), load));
  return result;
}

/** @param {Perf | Strace} tool @param {import('./load-process.mjs').Load} load */
async function countWith(tool, load) {
  const report = await load.count(SECONDS, WARMUP, tool);
  const counted = await tool.result();
  return Object.fromEntries(
    Object.entries(counted).map(([name, value]) => [name, value / report.count]),
  );
}

/** perf's counters, switched on and off through its control descriptors; perf acknowledges each command. */
class Perf {
  /** @param {number} pid @param {string[]} events */
  constructor(pid, events) {
    this.#events = events;
    this.#child = start(
      'perf',
      [
        'stat',
        '-x',
        ',',
        '-e',
        events.join(','),
        '-p',
        String(pid),
        '--delay=-1',
        '--control',
        'fd:3,4',
      ],
      { stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'] },
    );
    this.#closed = once(this.#child, 'close');
    this.#child.stderr?.setEncoding('utf8').on('data', (text) => (this.#output += text));
    this.#answers = createInterface({ input: /** @type {any} */ (this.#child.stdio[4]) });
  }

  #events;
  #child;
  #closed;
  #answers;
  #output = '';

  begin() {
    return this.#tell('enable');
  }

  end() {
    return this.#tell('disable');
  }

  /** @param {string} command */
  async #tell(command) {
    const answer = once(this.#answers, 'line', { signal: AbortSignal.timeout(10_000) });
    /** @type {import('node:stream').Writable} */ (this.#child.stdio[3]).write(`${command}\n`);
    await answer;
  }

  async result() {
    this.#child.kill('SIGINT');
    await this.#closed;
    /** @type {Record<string, number>} */
    const counted = {};
    for (const name of this.#events) {
      const line = this.#output.split('\n').find((text) => text.split(',')[2] === name);
      const value = Number(line?.split(',')[0]);
      if (!Number.isFinite(value))
        throw new Error(`perf did not count ${name}: ${this.#output.trim()}`);
      counted[name] = value;
    }
    return counted;
  }
}

/** strace, which attaches at the begin of the window and detaches at its end. */
class Strace {
  /** @param {number} pid */
  constructor(pid) {
    this.#pid = pid;
  }

  #pid;
  #folder = mkdtempSync(path.join(tmpdir(), 'edgepoll-bench-'));
  /** @type {import('node:child_process').ChildProcess | undefined} */
  #child;

  async begin() {
    const child = start(
      'strace',
      ['-c', '-f', '-o', path.join(this.#folder, 'calls'), '-p', String(this.#pid)],
      {
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    );
    this.#child = child;
    if (!child.stderr) throw new Error('no pipe from strace');
    const lines = createInterface({ input: child.stderr });
    const [line] = await once(lines, 'line', { signal: AbortSignal.timeout(10_000) });
    if (!/attached/.test(line)) throw new Error(`strace: ${line}`);
  }

  async end() {
    const child = this.#child;
    if (!child) throw new Error('strace was not started');
    const closed = once(child, 'close');
    child.kill('SIGINT');
    await closed;
  }

  async result() {
    const text = readFileSync(path.join(this.#folder, 'calls'), 'utf8');
    rmSync(this.#folder, { recursive: true });
    const total = text.split('\n').find((line) => line.trim().endsWith('total'));
    const calls = Number(total?.trim().split(/\s+/)[3]);
    if (!Number.isFinite(calls)) throw new Error(`strace counted nothing: ${text}`);
    return { [SYSCALLS]: calls };
  }
}
