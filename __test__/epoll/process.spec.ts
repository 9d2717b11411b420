/**
 * `edgepoll/epoll` in whole programs: imports, what keeps the process alive, exceptions in callbacks.
 */
import {
  closeSync,
  constants,
  mkdirSync,
  openSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

import type { ExecutionContext } from 'ava';
import test from 'ava';

import type { Child, Ended } from '../support/process.js';
import {
  drivers,
  folder,
  makeFifo,
  packageRoot,
  run,
  runFixture,
  runtime,
  start,
} from '../support/process.js';

const aliveCases = JSON.parse((await runFixture('epoll-alive', '--list')).stdout) as string[];

for (const driver of drivers) {
  for (const name of aliveCases) {
    test(`loop-kept-alive ${name}, ${driver}`, async (t) => {
      const { code, stdout, stderr } = await runFixture('epoll-alive', name, driver, makeFifo(t));
      const expected = name.startsWith('held') ? 'begins\nlives\nends\n' : 'begins\nends\n';
      t.deepEqual({ code, stdout, stderr }, { code: 0, stdout: expected, stderr: '' });
    });
  }

  for (const place of ['callback', 'microtask', 'tick']) {
    test(`user-code-throws in a ${place}: the process ends with it, ${driver}`, async (t) => {
      const { code, stderr } = await runFixture('epoll-throwing', driver, makeFifo(t), place, 'no');
      t.true(code !== 0);
      t.regex(stderr, /^(?:error: Uncaught )?TypeError: thrown by the user 1$/m);
    });

    test(`user-code-throws in a ${place}: a handler keeps it, and the next event comes, ${driver}`, async (t) => {
      const ended = await runFixture('epoll-throwing', driver, makeFifo(t), place, 'yes');
      const line = (count: number): string =>
        `uncaughtException: TypeError: thrown by the user ${count}\n`;
      t.deepEqual(
        { code: ended.code, stdout: ended.stdout, stderr: ended.stderr },
        { code: 0, stdout: line(1) + line(2) + line(3), stderr: '' },
      );
    });
  }
}

test('recycled-place: the new owner of a closed descriptor’s place keeps it when that number is reused', async (t) => {
  const ended = await runFixture('epoll-places', makeFifo(t), makeFifo(t));
  t.like(ended, { code: 0, stdout: '["kept","again"]\n', stderr: '' });
});

/** A project that has this package installed, with one program. */
function project(t: ExecutionContext, name: string, text: string): string {
  const path = folder(t);
  mkdirSync(join(path, 'node_modules'));
  symlinkSync(packageRoot, join(path, 'node_modules/edgepoll'));
  // Deno resolves a package by name only if package.json declares it.
  const description = { private: true, dependencies: { edgepoll: '*' } };
  writeFileSync(join(path, 'package.json'), JSON.stringify(description));
  writeFileSync(join(path, name), text);
  return join(path, name);
}

function startScript(...words: string[]): Child {
  const [program, ...before] = runtime;
  return start(program, [...before, ...words]);
}

function runScript(...words: string[]): Promise<Ended> {
  const [program, ...before] = runtime;
  return run(program, [...before, ...words]);
}

const body = `
const value = Buffer.alloc(1);
const poller = new Epoll((err, fd, events) => {
  fs.readSync(fd, value, 0, 1);
  console.log(err, fd, events, value.toString() === '1' ? 'pressed' : 'released');
  if (value.toString() === '0') poller.remove(0).close();
});
poller.add(0, Epoll.EPOLLIN);
console.log('watching');
`;

const ways = {
  'require, as a property': ['cjs', `const Epoll = require('edgepoll/epoll').Epoll;`],
  'require, taken apart': ['cjs', `const { Epoll } = require('edgepoll/epoll');`],
  'import of the name': ['mjs', `import { Epoll } from 'edgepoll/epoll';`],
  'import of the default': ['mjs', `import epoll from 'edgepoll/epoll'; const { Epoll } = epoll;`],
  'dynamic import': ['mjs', `const { Epoll } = await import('edgepoll/epoll');`],
} as const;

for (const [way, [suffix, line]] of Object.entries(ways)) {
  test(`import: by ${way}, for a program that watches its stdin`, async (t) => {
    const fs = suffix === 'cjs' ? `const fs = require('fs');` : `import fs from 'node:fs';`;
    const program = project(t, `program.${suffix}`, `${line}\n${fs}\n${body}`);
    const child = startScript(program);
    t.is(await child.line(), 'watching');
    child.process.stdin.write('1');
    t.is(await child.line(), 'null 0 1 pressed');
    child.process.stdin.write('0');
    t.is(await child.line(), 'null 0 1 released');
    const { code, stderr } = await child.ended;
    t.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  });
}

test('worker: a program in a worker', async (t) => {
  const text = `
const { Worker, isMainThread } = require('worker_threads');
if (isMainThread) new Worker(__filename, { argv: process.argv.slice(2) });
else {
  const { Epoll } = require('edgepoll/epoll');
  const fs = require('fs');
  const fd = fs.openSync(process.argv[2], fs.constants.O_RDWR | fs.constants.O_NONBLOCK);
  const poller = new Epoll((err, which, events) => {
    fs.writeSync(1, 'event ' + events);
    poller.close();
  });
  poller.add(fd, Epoll.EPOLLIN);
  fs.writeSync(fd, 'x');
}`;
  const program = project(t, 'program.cjs', text);
  const { code, stdout, stderr } = await runScript(program, makeFifo(t));
  t.deepEqual({ code, stdout, stderr }, { code: 0, stdout: 'event 1', stderr: '' });
});

test('no-descriptor-left: the constructor throws', async (t) => {
  const text = `
const { Epoll } = require('edgepoll/epoll');
const fs = require('fs');
const taken = [];
let full = false;
while (!full) {
  try {
    taken.push(fs.openSync('/dev/null'));
  } catch {
    full = true;
  }
}
try {
  new Epoll(() => {});
} catch (error) {
  // The thread driver takes three.
  for (let count = 0; count < 4; count += 1) fs.closeSync(taken.pop());
  fs.writeSync(1, [String(error), error.code, error.syscall].join('|'));
}
fs.writeSync(1, '|' + new Epoll(() => {}).closed);`;
  const program = project(t, 'program.cjs', text);
  const command = 'ulimit -n 64; exec "$0" "$@"';
  const { code, stdout, stderr } = await run('sh', ['-c', command, ...runtime, program]);
  const expected = 'Error: Too many open files|EMFILE|epoll_create1|false';
  t.deepEqual({ code, stdout, stderr }, { code: 0, stdout: expected, stderr: '' });
});

test('own-descriptor: a closed number that the package now uses counts as closed', async (t) => {
  const text = `
const { Epoll } = require('edgepoll/epoll');
const fs = require('fs');
const fd = fs.openSync('/dev/null');
fs.closeSync(fd);
const poller = new Epoll(() => {});
const ours = fs.readlinkSync('/proc/self/fd/' + fd);
for (const method of ['add', 'modify', 'remove']) {
  try {
    poller[method](fd, Epoll.EPOLLIN);
  } catch (error) {
    fs.writeSync(1, error.code + '|');
  }
}
fs.writeSync(1, ours);`;
  const { code, stdout, stderr } = await run(process.execPath, [project(t, 'program.cjs', text)]);
  const expected = 'EBADF|EBADF|EBADF|anon_inode:[eventpoll]';
  t.deepEqual({ code, stdout, stderr }, { code: 0, stdout: expected, stderr: '' });
});

test('owner-closes-first: remove() throws also many turns later', async (t) => {
  const text = `
const { Epoll } = require('edgepoll/epoll');
const fs = require('fs');
const [first, second] = process.argv.slice(2).map((path) =>
  fs.openSync(path, fs.constants.O_RDWR | fs.constants.O_NONBLOCK));
let turns = 0;
const poller = new Epoll((err, fd, events) => {
  if (fd === first) fs.writeSync(1, 'event of a closed descriptor|');
  turns += 1;
  if (turns < 100) return;
  for (let count = 0; count < 2; count += 1) {
    try {
      poller.remove(first);
    } catch (error) {
      fs.writeSync(1, error.message + '|');
    }
  }
  fs.writeSync(1, String(poller.close()));
});
poller.add(first, Epoll.EPOLLIN).add(second, Epoll.EPOLLIN);
fs.closeSync(first);
fs.writeSync(second, 'x');`;
  const program = project(t, 'program.cjs', text);
  const paths = [makeFifo(t), makeFifo(t)];
  const { code, stdout, stderr } = await run(process.execPath, [program, ...paths]);
  const expected = 'Bad file descriptor|Bad file descriptor|null';
  t.deepEqual({ code, stdout, stderr }, { code: 0, stdout: expected, stderr: '' });
});

test('hangup: a program whose input ends gets an event, and can go on', async (t) => {
  const fifo = makeFifo(t);
  const text = `
const { Epoll } = require('edgepoll/epoll');
const fs = require('fs');
const fd = fs.openSync(process.argv[2], fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
const poller = new Epoll((err, which, events) => {
  const length = fs.readSync(which, Buffer.alloc(9));
  console.log(events, length);
  if (length === 0) poller.remove(which).close();
}).add(fd, Epoll.EPOLLIN);
console.log('watching');`;
  const child = startScript(project(t, 'program.cjs', text), fifo);
  t.is(await child.line(), 'watching');
  const writer = openSync(fifo, constants.O_WRONLY);
  writeSync(writer, 'ab');
  t.is(await child.line(), '1 2');
  closeSync(writer);
  t.is(await child.line(), '16 0');
  const { code, stderr } = await child.ended;
  t.deepEqual({ code, stderr }, { code: 0, stderr: '' });
});
