/**
 * A host that was busy, stopped or asleep finds a passed deadline together with an event that came before it. The event came in
 * time, so it counts.
 */
import test from 'ava';
import { connect, Poller } from 'edgepoll';
import { socket } from 'edgepoll/fd';

import { pipe } from '../readiness/helpers.js';
import { serverOf } from '../support/net.js';
import { drivers } from '../support/process.js';

/**
 * The deadlines of these tests, in milliseconds. In each test an event happens before the deadline. So a deadline is much longer
 * than other processes keep this one off the processor.
 */
const DEADLINE = 150;

/** Blocks the event loop until every deadline has passed, as a busy host does. */
function passDeadline(): void {
  const until = performance.now() + DEADLINE + 30;
  while (performance.now() < until);
}

/** A listening socket whose every method is a system call that is made at once, so that the peer needs no turn of the loop. */
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
    test(`late-host: a wait whose timeout has passed reports what was ready in time, ${engine}, ${driver}`, async (t) => {
      const poller = new Poller({ driver, engine });
      t.teardown(() => poller.close());
      const watched = pipe(t);
      poller.register(watched.fd);
      const wait = poller.poll({ timeout: DEADLINE });
      watched.write(1);
      passDeadline();
      t.is((await wait).length, 1);
      watched.read(1);
      t.deepEqual(await poller.poll({ timeout: 1 }), []);
    });
  }

  test(`late-host: a connect that the kernel completed in time succeeds, ${driver}`, async (t) => {
    const { port } = (await serverOf(t, { driver })).address;
    const opening = connect({ port, host: '127.0.0.1', driver, timeout: DEADLINE });
    // The address needs no resolver, so the system call is made within these turns of promises.
    for (let round = 0; round < 10; round += 1) await Promise.resolve();
    passDeadline();
    const connection = await opening;
    t.teardown(() => connection.destroy());
    t.is(connection.remoteAddress?.port, port);
  });

  test(`late-host: an answer that came before endTimeout is read, and the end is clean, ${driver}`, async (t) => {
    const { waiting, port } = listener(t);
    const connection = await connect({ port, host: '127.0.0.1', driver, endTimeout: DEADLINE });
    t.teardown(() => connection.destroy());
    const peer = waiting.accept()?.socket;
    t.teardown(() => peer?.close());
    void connection.end('question');
    const question = Buffer.alloc(100);
    t.is(peer?.receive(question), 8);
    t.is(peer?.receive(question), 0);
    t.is(peer?.send('answer'), 6);
    peer?.close();
    passDeadline();
    let answer = '';
    for await (const chunk of connection) answer += String(chunk);
    t.is(answer, 'answer');
    t.deepEqual(await connection.closed, { cause: 'ended', error: undefined, bytesUnsent: 0 });
  });

  test(`late-host: bytes that came before the timeout of server.close() are reported, ${driver}`, async (t) => {
    const server = await serverOf(t, { driver });
    const events = server.events();
    const { port } = server.address;
    const peer = socket('inet', 'stream');
    t.teardown(() => peer.close());
    peer.connect({ family: 'inet', address: '127.0.0.1', port });
    t.is((await events.next()).value?.type, 'open');
    // The event loop's next phase after this one is that of its timers.
    await new Promise((resolve) => setImmediate(resolve));
    const closed = server.close({ timeout: DEADLINE });
    t.is(peer.send('last'), 4);
    peer.shutdown('write');
    passDeadline();
    const seen: string[] = [];
    for await (const event of events)
      seen.push(event.type === 'close' ? event.reason.cause : event.type);
    t.deepEqual(seen, ['data', 'end', 'ended']);
    await closed;
  });
}
