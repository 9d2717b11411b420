/** A host that was busy, stopped or asleep finds a deadline and what came before it at once: what came in time counts. */
import test from 'ava';
import { connect, Poller } from 'edgepoll';
import { socket } from 'edgepoll/fd';

import { pipe } from '../readiness/helpers.js';
import { serverOf } from '../support/net.js';
import { drivers } from '../support/process.js';

/** Keeps the loop from its turns for so many milliseconds: a host that is busy is what these tests are about. */
function keepBusy(milliseconds: number): void {
  const until = performance.now() + milliseconds;
  while (performance.now() < until);
}

/** A peer whose every step is a system call that is made at once, so that it needs no turn of the loop. */
function listener(t: { teardown: (close: () => void) => void }) {
  const waiting = socket('inet', 'stream');
  t.teardown(() => waiting.close());
  waiting.bind({ family: 'inet', address: '127.0.0.1', port: 0 });
  waiting.listen();
  const { localAddress } = waiting;
  if (localAddress.family !== 'inet') throw new Error(`bound as ${localAddress.family}`);
  return { waiting, port: localAddress.port };
}

for (const driver of drivers) {
  for (const engine of ['epoll', 'poll', 'select'] as const) {
    test(`late-host: a wait that is over tells what was ready in time, ${engine}, ${driver}`, async (t) => {
      const poller = new Poller({ driver, engine });
      t.teardown(() => poller.close());
      const watched = pipe(t);
      poller.register(watched.fd);
      const wait = poller.poll({ timeout: 20 });
      watched.write(1);
      keepBusy(40);
      t.is((await wait).length, 1);
      watched.read(1);
      t.deepEqual(await poller.poll({ timeout: 1 }), []);
    });
  }

  test(`late-host: a connection that the kernel made in time is open, ${driver}`, async (t) => {
    const { port } = (await serverOf(t, { driver })).address;
    const opening = connect({ port, host: '127.0.0.1', driver, timeout: 20 });
    // The address needs no resolver: the call is made once these are over.
    for (let round = 0; round < 10; round += 1) await Promise.resolve();
    keepBusy(40);
    const connection = await opening;
    t.teardown(() => connection.destroy());
    t.is(connection.remoteAddress?.port, port);
  });

  test(`late-host: an answer that came before endTimeout is read, and the end is clean, ${driver}`, async (t) => {
    const { waiting, port } = listener(t);
    const connection = await connect({ port, host: '127.0.0.1', driver, endTimeout: 20 });
    t.teardown(() => connection.destroy());
    const peer = waiting.accept()?.socket;
    t.teardown(() => peer?.close());
    void connection.end('question');
    const question = Buffer.alloc(100);
    t.is(peer?.receive(question), 8);
    t.is(peer?.receive(question), 0);
    t.is(peer?.send('answer'), 6);
    peer?.close();
    keepBusy(40);
    let answer = '';
    for await (const chunk of connection) answer += String(chunk);
    t.is(answer, 'answer');
    t.deepEqual(await connection.closed, { cause: 'ended', error: undefined, bytesUnsent: 0 });
  });

  test(`late-host: what came before the time of server.close() is over is told, ${driver}`, async (t) => {
    const server = await serverOf(t, { driver });
    const events = server.events();
    const { port } = server.address;
    const peer = socket('inet', 'stream');
    t.teardown(() => peer.close());
    peer.connect({ family: 'inet', address: '127.0.0.1', port });
    t.is((await events.next()).value?.type, 'open');
    // From here the loop goes round to its timers.
    await new Promise((resolve) => setImmediate(resolve));
    const closed = server.close({ timeout: 20 });
    t.is(peer.send('last'), 4);
    peer.shutdown('write');
    keepBusy(40);
    const told: string[] = [];
    for await (const event of events)
      told.push(event.type === 'close' ? event.reason.cause : event.type);
    t.deepEqual(told, ['data', 'end', 'ended']);
    await closed;
  });
}
