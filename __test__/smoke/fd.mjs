// edgepoll/fd of the packed package, in any runtime: uses each kind of descriptor once and waits for it by its iterator. It must
// leave no descriptor open.
import { deepStrictEqual, ok, strictEqual, throws } from 'node:assert';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import {
  eventfd,
  inotify,
  OwnedFd,
  pidfd,
  pipe,
  signalfd,
  socket,
  socketpair,
  timerfd,
} from 'edgepoll/fd';

async function first(items) {
  for await (const item of items) return item;
  throw new Error('the iteration ended');
}

export async function descriptors() {
  const { reader, writer } = pipe();
  const space = new Uint8Array(8);
  strictEqual(reader.read(space), null);
  strictEqual(writer.write('abc'), 3);
  strictEqual(reader.read(space), 3);
  throws(() => OwnedFd.adopt(1), RangeError);

  const counter = eventfd();
  setTimeout(() => counter.write(7), 5);
  strictEqual(await first(counter), 7n);
  const timer = timerfd();
  timer.set({ after: 5.5 });
  strictEqual(await first(timer), 1n);

  const signals = signalfd(['SIGUSR2']);
  for (let round = 0; round < 50; round += 1) {
    process.kill(process.pid, 'SIGUSR2');
    const { signal, pid } = await first(signals);
    deepStrictEqual([signal, pid], ['SIGUSR2', process.pid]);
  }
  signals.close();

  const folder = mkdtempSync(join(tmpdir(), 'edgepoll-smoke-'));
  const watches = inotify();
  watches.add(folder, ['create']);
  writeFileSync(join(folder, 'made'), '');
  strictEqual((await first(watches)).name, 'made');
  rmSync(folder, { recursive: true });

  const child = spawn('sleep', ['60']);
  const closed = new Promise((resolve) => {
    child.on('close', resolve);
  });
  const handle = pidfd(child.pid);
  const exited = handle.exited();
  handle.kill();
  await exited;
  await closed;

  const [here, there] = socketpair({ type: 'dgram' });
  there.setPassCredentials(true);
  here.sendMessage({ data: 'x', descriptors: [counter] });
  const message = await first(there.values({ descriptors: 1, credentials: true }));
  const [passed] = message.descriptors;
  strictEqual(message.credentials.pid, process.pid);
  ok(counter.write(3));
  strictEqual(passed.read(space), 8);
  const udp = socket('inet', 'dgram');
  udp.bind({ family: 'inet', address: '127.0.0.1', port: 0 });
  udp.send('self', udp.localAddress);
  deepStrictEqual((await first(udp)).from, udp.localAddress);

  const all = [reader, writer, counter, timer, watches, handle, here, there, passed, udp];
  for (const each of all) each.close();
  throws(() => counter.write(), { code: 'ERR_CLOSED' });
}
