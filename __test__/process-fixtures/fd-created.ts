/** Makes one of everything, and says which descriptors a child process gets before and after. */
import { spawnSync } from 'node:child_process';

import { eventfd, inotify, pidfd, pipe, signalfd, socket, socketpair, timerfd } from 'edgepoll/fd';

import { mark } from './mark.js';

/** The numbers that a child finds open. */
function inherited(): string {
  return spawnSync('ls', ['/proc/self/fd'], { encoding: 'utf8' }).stdout;
}

const before = inherited();
mark('begin');
const { reader, writer } = pipe();
const listener = socket('unix', 'stream');
listener.bind({ family: 'unix', path: `\0edgepoll-created-${process.pid}` });
listener.listen();
const client = socket('unix', 'stream');
client.connect(listener.localAddress);
const accepted = listener.accept()?.socket;
const counter = eventfd();
const [here, there] = socketpair();
here.sendMessage({ data: 'x', descriptors: [reader, counter] });
const received = there.receiveMessage({ descriptors: 2 })?.descriptors ?? [];
const made = [
  reader,
  writer,
  listener,
  client,
  counter,
  here,
  there,
  timerfd(),
  signalfd(['SIGUSR2']),
  inotify(),
  pidfd(process.pid),
  counter.duplicate(),
  ...received,
  ...(accepted === undefined ? [] : [accepted]),
];
mark('end');
const report = { made: made.length, before, after: inherited() };
for (const each of made) each.close();
process.stdout.write(`${JSON.stringify(report)}\n`);
