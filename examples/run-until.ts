/**
 * Runs a command until it ends, a time limit passes, or SIGINT or SIGTERM comes: three kinds of descriptors in one
 * loop. `npm run --silent example -- run-until [--seconds N] [--grace N] COMMAND [ARGUMENT …]`.
 *
 * The exit status shows which came first: the command's own status (128 + n if signal n ended it), 124 for the limit, 130 for
 * SIGINT, 143 for SIGTERM, 127 for a command that cannot be started. A command that still runs after the grace period is killed.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { parseArgs } from 'node:util';

import { EdgepollError, Poller } from 'edgepoll';
import { pidfd, signalfd, timerfd } from 'edgepoll/fd';

import { refuse } from './support/end.js';

const USAGE = 'run-until [--seconds N] [--grace N] COMMAND [ARGUMENT …]';
const LIMIT_PASSED = 124;
const CANNOT_START = 127;
const BY_SIGNAL = 128;

/** Parses the options, which end where the command begins. */
function readArguments() {
  const words = process.argv.slice(2);
  let own = 0;
  while (words[own]?.startsWith('--') === true && words[own] !== '--') {
    own += words[own]?.includes('=') === true ? 1 : 2;
  }
  const command = words.slice(words[own] === '--' ? own + 1 : own);
  try {
    const { values } = parseArgs({
      args: words.slice(0, own),
      options: {
        seconds: { type: 'string', default: '60' },
        grace: { type: 'string', default: '5' },
      },
    });
    return {
      limit: seconds('seconds', values.seconds),
      grace: seconds('grace', values.grace),
      command,
    };
  } catch (error) {
    return refuse('run-until', error, USAGE);
  }
}

/** Converts seconds to milliseconds. The text is checked, because Number('') is 0. */
function seconds(name: string, text: string): number {
  if (/^\d{1,9}(\.\d+)?$/.test(text)) return Number(text) * 1000;
  throw new RangeError(`--${name} must be seconds, not '${text}'`);
}

const { limit, grace, command } = readArguments();
const [program, ...words] = command;
if (program === undefined) {
  process.stderr.write(`usage: ${USAGE}\n`);
  process.exit(2);
}

// Opened before the command starts, so that a signal that comes meanwhile is read later.
const signals = signalfd(['SIGINT', 'SIGTERM']);
const timer = timerfd();
const child = spawn(program, words, { stdio: 'inherit' });
const exit = once(child, 'exit') as Promise<
  [code: number | null, signal: keyof typeof constants.signals | null]
>;

async function run(pid: number): Promise<number> {
  // Node.js reaps the child only in a later turn of its event loop, so the number still belongs to the child.
  const running = pidfd(pid);
  const poller = new Poller<'ended' | 'limit' | 'signal'>();
  poller.register(running, { data: 'ended' });
  poller.register(timer, { data: 'limit' });
  poller.register(signals, { data: 'signal' });
  timer.set({ after: limit });

  let status: number | undefined;
  const stop = (reason: number, signal: NodeJS.Signals): void => {
    try {
      // The second stop kills the command, whatever the signal.
      running.kill(status === undefined ? signal : 'SIGKILL');
    } catch (error) {
      // The command has ended. The next event reports that.
      if (error instanceof EdgepollError && error.code === 'ESRCH') return;
      throw error;
    }
    status ??= reason;
    timer.set({ after: grace });
  };
  try {
    for await (const { data } of poller) {
      if (data === 'ended') break;
      if (data === 'limit') {
        if (timer.read() !== null) stop(LIMIT_PASSED, 'SIGTERM');
      } else {
        const received = signals.read();
        if (received !== null) stop(BY_SIGNAL + received.number, received.signal);
      }
    }
  } finally {
    running.close();
  }
  const [code, signal] = await exit;
  return status ?? code ?? BY_SIGNAL + (signal === null ? 0 : constants.signals[signal]);
}

if (child.pid === undefined) {
  const error: unknown = await exit.catch((reason: unknown) => reason);
  process.stderr.write(`run-until: ${error instanceof Error ? error.message : program}\n`);
  process.exitCode = CANNOT_START;
} else {
  process.exitCode = await run(child.pid);
}
timer.close();
signals.close();
