// npm start: the set-up, then the chat server, which Ctrl-C ends with exit code 0. Shows the server's lines, says how to
// connect, and hands signals on.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { inProject } from './lib/root.mjs';
import { failSetUp } from './lib/toolchain.mjs';
import { readArguments } from './lib/usage.mjs';
import { setUp, toRunExamples } from './setup.mjs';

const host = '127.0.0.1';
const port = '7000';
const graceMs = 5000;

readArguments('npm start; the options of the server are those of `npm run example -- chat`');
await setUp(toRunExamples).catch(failSetUp);

// In our process group, so that what ends the group ends the server too.
const chat = spawn(
  process.execPath,
  [inProject('build/examples/chat.js'), '--host', host, '--port', port],
  { cwd: inProject(), stdio: ['ignore', 'pipe', 'inherit'] },
);

createInterface({ input: chat.stdout }).on('line', (line) => {
  console.log(line);
  if (!line.startsWith('listening on ')) return;
  console.log(`chat: connect from other terminals with  nc ${host} ${port}`);
  console.log('chat: every line goes to everybody; Ctrl-C ends the server');
});

let stopping = false;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    chat.kill(signal);
    if (stopping) return;
    stopping = true;
    setTimeout(() => chat.kill('SIGKILL'), graceMs).unref();
  });
}

chat.on('error', failSetUp);
chat.on('close', (code) => {
  if (!stopping) console.error('chat: the server ended by itself');
  process.exitCode = stopping ? 0 : (code ?? 1) || 1;
});
