// The two client processes of an attack: well-behaved clients, which measure, and hostile ones. Both are on the CPU of the load. The
// well-behaved have priority, so that what they measure is the server's delay and not their own wait for the CPU.

import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { start } from '../children.mjs';

/** What comes before the command of a process that has to run at once. Real-time priority needs root or CAP_SYS_NICE. */
function priority() {
  const { status } = spawnSync('chrt', ['-f', '10', 'true'], { stdio: 'ignore' });
  return status === 0 ? ['chrt', '-f', '10'] : [];
}

/** Whether the well-behaved clients have real-time priority here. */
export const hasPriority = () => priority().length > 0;

class Client {
  /** @param {string} name @param {string[]} command @param {number} cpu @param {number} patience seconds */
  constructor(name, command, cpu, patience) {
    this.#name = name;
    this.#child = start('taskset', ['-c', String(cpu), ...command], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const { stdin, stdout } = this.#child;
    if (!stdin || !stdout) throw new Error(`no pipes to the ${name} clients`);
    this.#stdin = stdin;
    // A process that has failed says why by its exit code, not by EPIPE.
    stdin.on('error', () => {});
    stdout.setEncoding('utf8').on('data', (text) => (this.#output += text));
    this.#closed = once(this.#child, 'close');
    this.#closed.catch(() => {});
    this.#patience = patience;
  }

  #name;
  #child;
  #stdin;
  #closed;
  #patience;
  #output = '';

  /** Fails when the process ends before `finish`. @returns {Promise<never>} */
  async failure() {
    const [code, signal] = await this.#closed;
    throw new Error(`the ${this.#name} clients ended (${signal ?? `exit code ${code}`})`);
  }

  /** @param {string} line */
  say(line) {
    this.#stdin.write(`${line}\n`);
  }

  /** Ends the clients. @returns {Promise<any>} what they have counted */
  async finish() {
    this.#stdin.end();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), this.#patience * 1000);
    const [code, signal] = await this.#closed;
    clearTimeout(timer);
    if (code !== 0)
      throw new Error(`the ${this.#name} clients failed (${signal ?? `exit code ${code}`})`);
    return JSON.parse(this.#output);
  }
}

/** @param {string} program @param {string} address @param {number} cpu */
export function startWellBehaved(program, address, cpu) {
  return new Client('well-behaved', [...priority(), program, '--address', address], cpu, 30);
}

/**
 * @param {string} program
 * @param {string} address
 * @param {number} cpu
 * @param {{ clients: number, kinds: string[], seconds: number }} attack
 */
export function startHostile(program, address, cpu, { clients, kinds, seconds }) {
  const command = ['nice', '-n', '10', program, '--address', address];
  command.push(
    '--clients',
    String(clients),
    '--kind',
    kinds.join(),
    '--seconds',
    `${seconds + 30}`,
  );
  return new Client('hostile', command, cpu, 30);
}
