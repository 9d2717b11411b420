/** The programs of docs/recipes.md. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { receiveAll, receiveExactly, send } from '../../support/net.js';
import { folder, run } from '../../support/process.js';
import type { Drives } from './drive.js';
import { dialled, prints, started } from './drive.js';

export const recipes: Drives = {
  chat: async (t, path, host) => {
    const child = started(t, path);
    const [one, other] = [await dialled(t, child, host), await dialled(t, child, host)];
    // Once the server has accepted both, each gets the other's lines.
    await send(one, 'hello\n');
    const received = String(await receiveExactly(other, 'N: hello\n'.length));
    t.regex(received, /^\d: hello\n$/);
  },
  'line-protocol': async (t, path, host) => {
    const child = started(t, path);
    const peer = await dialled(t, child, host);
    await send(peer, 'set name value of it\r\nget name\nget other\nelse\n');
    const answers = 'ok\nvalue of it\nnothing\nerror: get KEY, or set KEY VALUE\n';
    t.is(String(await receiveExactly(peer, answers.length)), answers);
    await send(peer, 'x'.repeat(2000));
    t.false((await receiveAll(peer)).bytes.length > 0);
    t.is(child.process.exitCode, null);
  },
  signals: async (t, path) => {
    const child = started(t, path);
    t.is(await child.line(), `ready ${child.process.pid}`);
    child.process.kill('SIGUSR1');
    t.is(await child.line(), `SIGUSR1 from ${process.pid}`);
    child.process.kill('SIGTERM');
    t.like(await child.ended, { code: 0, signal: null, stderr: '' });
  },
  timeout: async (t, path) => prints(t, path, 'TimeoutError\n'),
  silence: async (t, path, host) => {
    const child = started(t, path);
    const peer = await dialled(t, child, host);
    t.is(await child.line(), 'silent for too long');
    t.is((await receiveAll(peer)).bytes.length, 0);
  },
  stdin: async (t, path) => {
    const input = join(folder(t), 'input');
    writeFileSync(input, 'x'.repeat(100_000));
    for (const words of ['exec "$@" < "$INPUT"', 'cat "$INPUT" | "$@"']) {
      const { code, stdout } = await run('sh', ['-c', words, 'sh', process.execPath, path], {
        INPUT: input,
      });
      t.deepEqual({ code, stdout }, { code: 0, stdout: '100000 bytes\n' });
    }
  },
  pass: async (t, path) => prints(t, path, `a file ${readFileSync(path, 'latin1').slice(0, 7)}\n`),
  'error-queue': async (t, path) => prints(t, path, 'ECONNREFUSED is anybody there?\n'),
};
