/**
 * A child makes the open files of these descriptors blocking. Then the program makes every call that promises not to wait, and
 * prints each result. If a call waits, the program prints nothing more, and the test's time limit ends it.
 *
 * Its argument is a folder for the FIFO and the sockets.
 */
import { spawnSync } from 'node:child_process';
import { constants, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import {
  eventfd,
  inotify,
  OwnedFd,
  pipe,
  signalfd,
  socket,
  socketpair,
  timerfd,
} from 'edgepoll/fd';
import type { Descriptor, EdgepollError } from 'edgepoll/fd';

const place = process.argv.at(-1) ?? '';
const O_NONBLOCK = 0o4000;
const { O_RDWR, O_NOCTTY } = constants;

function isBlocking({ fd }: Descriptor): boolean {
  const flags = /^flags:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1];
  return (Number.parseInt(flags ?? '0', 8) & O_NONBLOCK) === 0;
}

/** Runs Python with these descriptors as its 3, 4 and so on; gives its output. */
function python(script: string, descriptors: readonly Descriptor[] = []): string {
  const stdio = ['ignore', 'pipe', 'inherit', ...descriptors.map(({ fd }) => fd)] as const;
  const { status, stdout } = spawnSync('python3', ['-c', script], {
    stdio: [...stdio],
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`python3 ended with ${status}`);
  return stdout.trim();
}

const told: Record<string, unknown> = {};

function tell(name: string, call: () => unknown): void {
  process.stderr.write(`${name}\n`);
  try {
    const result = call();
    told[name] = typeof result === 'bigint' ? Number(result) : result;
  } catch (error) {
    told[name] = (error as EdgepollError).code;
  }
}

/** Writes until a write would wait; gives whether any byte was written. */
function fill(write: (bytes: Buffer) => number | null): boolean {
  const bytes = Buffer.alloc(10_000, 'line\n');
  let count = 0;
  for (let taken = write(bytes); taken !== null; taken = write(bytes)) count += taken;
  return count > 0;
}

const empty = pipe();
const full = pipe();
const copied = pipe();
const copy = copied.reader.duplicate();
const [counter, most] = [eventfd(), eventfd({ initial: 2n ** 64n - 4n })];
const timer = timerfd();
const signals = signalfd(['SIGUSR2']);
const files = inotify();
const [stream, far] = socketpair();
const [datagrams] = socketpair({ type: 'dgram' });
const listener = socket('unix', 'stream');
listener.bind({ family: 'unix', path: join(place, 'listener') });
listener.listen();
const tcp = socket('inet', 'stream');
tcp.bind({ family: 'inet', address: '127.0.0.1', port: 0 });
tcp.listen();
const client = socket('unix', 'stream');
const fifo = OwnedFd.adopt(openSync(join(place, 'fifo'), 'r+'));

const all: Descriptor[] = [
  empty.reader,
  full.writer,
  copy,
  counter,
  most,
  timer,
  signals,
  files,
  stream,
  far,
  datagrams,
  listener,
  tcp,
  client,
  fifo,
];
const clear = `
import fcntl
for fd in range(3, ${3 + all.length}):
    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) & ~${O_NONBLOCK})
`;
python(clear, all);
told['blocking'] = all.every(isBlocking);

const into = Buffer.alloc(64);
tell('pipe.read', () => empty.reader.read(into));
tell('pipe.write', () => fill((bytes) => full.writer.write(bytes)));
tell('duplicate.read', () => copy.read(into));
tell('eventfd.read', () => counter.read());
tell('eventfd.write fits', () => most.write(2));
tell('eventfd.write over', () => most.write(1));
tell('eventfd.read most', () => most.read() === 2n ** 64n - 2n);
tell('eventfd.write one', () => most.write(1));
tell('eventfd.write too many', () => most.write(2n ** 64n - 2n));
tell('eventfd.write many', () => most.write(2n ** 64n - 3n));
tell('timerfd.read', () => timer.read());
tell('signalfd.read', () => signals.read());
tell('inotify.read', () => files.read());
tell('stream.read', () => stream.read(into));
tell('stream.receive', () => stream.receive(into));
tell('stream.receiveFrom', () => stream.receiveFrom(into));
tell('stream.receiveMessage', () => stream.receiveMessage());
tell('stream.write', () => fill((bytes) => stream.write(bytes)));
tell('far.sendMessage', () => fill((bytes) => far.sendMessage({ data: bytes })));
tell('dgram.receive', () => datagrams.receive(into));
tell('dgram.send', () => fill((bytes) => datagrams.send(bytes)));
tell('unix.accept', () => listener.accept());
tell('inet.accept', () => tcp.accept());
tell('unix.connect', () => client.connect({ family: 'unix', path: join(place, 'listener') }));
tell('fifo.read', () => fifo.read(into));
tell('fifo.write', () => fill((bytes) => fifo.write(bytes)));

// Both sides of a terminal.
const master = OwnedFd.adopt(openSync('/dev/ptmx', O_RDWR | O_NOCTTY));
const name = python(
  `
import fcntl, struct, termios
fcntl.ioctl(3, 0x40045431, struct.pack('i', 0)) # TIOCSPTLCK
print('/dev/pts/%d' % struct.unpack('I', fcntl.ioctl(3, 0x80045430, struct.pack('I', 0)))[0]) # TIOCGPTN
`,
  [master],
);
const slave = OwnedFd.adopt(openSync(name, O_RDWR | O_NOCTTY));
// In raw mode the terminal fills up. In canonical mode it would throw away what it has no room for.
python('import tty; tty.setraw(3)', [slave]);
told['terminal blocking'] = isBlocking(master) && isBlocking(slave);
tell('slave.read', () => slave.read(into));
tell('master.read', () => master.read(into));
tell('slave.write', () => fill((bytes) => slave.write(bytes)));
tell('master.write', () => fill((bytes) => master.write(bytes)));
told['still blocking'] = [...all, master, slave].every(isBlocking);

process.stdout.write(`${JSON.stringify(told)}\n`);
