// The servers and programs that cases start. A server of ours prints the ready line of the examples, and ends with 0 on SIGTERM.

import assert from 'node:assert';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { inProject } from '../../scripts/lib/root.mjs';
import { run, testSilence } from '../../scripts/lib/run.mjs';

/**
 * Starts the server, resolves with what `use(port, lines)` does, and ends the server. It must have lived until then, and printed nothing
 * to stderr. `lines` are what it prints after the ready line.
 */
export async function withServer([script, ...args], use) {
  const child = spawn(process.execPath, [inProject(script), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const kill = () => child.kill('SIGKILL');
  process.on('exit', kill);
  const ended = once(child, 'close');
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  try {
    const { value: ready = '' } = await lines.next();
    const port = /^listening on 127\.0\.0\.1:(\d+) pid \d+$/.exec(ready)?.[1];
    assert.ok(port, `${script} printed no ready line but '${ready}': ${stderr}`);
    const result = await use(Number(port), lines);
    child.kill('SIGTERM');
    const [code, signal] = await ended;
    assert.deepStrictEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: '' }, script);
    return result;
  } finally {
    kill();
    process.off('exit', kill);
  }
}

/** Runs a program that must succeed. Returns its output. */
export async function must([command, ...args], { silence = testSilence, env } = {}) {
  const { code, text, hung } = await run(command, args, { env, output: 'keep', silence });
  const how = hung ? `printed nothing for ${silence} s` : `ended with ${code}`;
  assert.ok(code === 0 && !hung, `${[command, ...args].join(' ')} ${how}: ${text}`);
  return text;
}

/** A port on which nothing listens. */
export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** Waits until the child process listens on the port. */
export async function reachable(port, child) {
  for (;;) {
    assert.strictEqual(child.exitCode, null, 'the server has ended');
    const socket = connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      return;
    } catch (error) {
      if (error.code !== 'ECONNREFUSED') throw error;
    } finally {
      socket.destroy();
    }
    await sleep(100);
  }
}
