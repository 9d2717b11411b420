/** The meaning of events: spurious readiness, hang-ups, ends, combined events, and no busy loops. */
import { closeSync, constants, openSync } from 'node:fs';

import test from 'ava';
import { Poller } from 'edgepoll';
import type { Trigger } from 'edgepoll';
import { socketpair } from 'edgepoll/fd';

import { open } from './helpers.js';
import {
  drain,
  now,
  pipePair,
  pollerOf,
  readText,
  soon,
  words,
  writeText,
} from '../kernel/helpers.js';
import { startPython, tcpPair } from '../support/python.js';
import { reportOf, runInjected } from '../support/injected.js';
import {
  drivers,
  endedWaits,
  exceptIn,
  fixture,
  makeFifo,
  run,
  runFixture,
  runtimeName,
  straced,
  straceTest,
  WAITS,
} from '../support/process.js';

const { O_NOCTTY, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } = constants;
const exceptWithoutWorkerExit = exceptIn(
  ['bun', 'deno'],
  'Bun and Deno do not notify addons when a worker ends',
);
const straceNotDeno =
  runtimeName === 'deno'
    ? exceptIn(['deno'], "strace would also fail receives of Deno's own sockets")
    : straceTest;
/** The most waits in a second of an idle loop; waits that end at the runtime's own timers are not counted. */
const mostWaits = 6;

const triggers: Trigger[] = ['level', 'edge', 'oneshot', 'edge-oneshot'];

for (const driver of drivers) {
  exceptWithoutWorkerExit(
    `hazard-13 lazy-registration: numbers are reused before libuv has removed the closed descriptor, also in workers, ${driver}`,
    async (t) => {
      const report = reportOf(await runFixture('hazard-churn', driver, makeFifo(t)));
      t.deepEqual(report, { reported: [50, 50, 50, 50, 50], descriptors: 0, threads: 0 });
    },
  );

  test(`hazard-15 re-entered: polls during the delivery of a batch do not change the batch, ${driver}`, async (t) => {
    const pipes = [1, 2, 3].map(() => pipePair(t));
    const poller = pollerOf<number>(t, driver, { maxEvents: 2 });
    for (const [at, { reader, writer }] of pipes.entries()) {
      poller.register(reader, { data: at, trigger: 'edge' });
      writeText(writer, 'x');
    }
    const seen: number[] = [];
    for (const first of await poller.poll()) {
      seen.push(first.data);
      for (const inner of await poller.poll({ timeout: 0 })) {
        seen.push(inner.data);
        writeText(pipes[inner.data]?.writer ?? -1, 'x');
        for (const deepest of await poller.poll({ timeout: 0 })) seen.push(deepest.data);
      }
    }
    t.deepEqual(seen, [0, 2, 2, 1]);
  });

  test(`hazard-18 edge: every trigger moves the same bytes, read step by step, ${driver}`, async (t) => {
    const block = Buffer.from(Array.from({ length: 50_000 }, (_, at) => at % 251));
    for (const engine of ['epoll', 'poll', 'select'] as const)
      for (const trigger of triggers) {
        if (engine !== 'epoll' && trigger.startsWith('edge')) continue;
        const { reader, writer, closeWriter } = pipePair(t);
        const poller = pollerOf(t, driver, { engine });
        const registration = poller.register(reader, { trigger });
        const received: string[] = [];
        let ended = false;
        const receive = async (): Promise<void> => {
          while (!ended) {
            await poller.poll();
            // After an edge the reader reads to EAGAIN; after a level event it makes one read of any size.
            for (
              let text = readText(reader, 777);
              text !== 'EAGAIN';
              text = readText(reader, 777)
            ) {
              if (text === 'end') {
                ended = true;
                break;
              }
              received.push(text);
              if (trigger === 'level' || trigger === 'oneshot') break;
            }
            if (!ended && trigger.endsWith('oneshot')) registration.rearm();
          }
        };
        const done = receive();
        for (let at = 0; at < block.length; at += 5000)
          t.is(writeText(writer, block.subarray(at, at + 5000)), 5000);
        closeWriter();
        await done;
        t.true(received.join('') === block.toString('latin1'), `${engine}, ${trigger}`);
        registration.unregister();
      }
  });

  straceNotDeno(
    `hazard-24 spurious: a receive that finds nothing is no event, ${driver}`,
    async (t) => {
      const { ended, lines } = await runInjected(
        t,
        { calls: 'recvfrom', inject: 'recvfrom:error=EAGAIN:when=1..3' },
        'hazard-again',
        driver,
      );
      t.is(lines.filter((line) => line.endsWith('(INJECTED)')).length, 3);
      t.deepEqual(reportOf(ended), { same: true, empty: false, whole: true });
    },
  );

  test(`hazard-25 writable-noise: a peer that reads wakes only registrations for OUT, fact-27, ${driver}`, async (t) => {
    const [ours, client] = socketpair();
    t.teardown(() => {
      ours.close();
      client.close();
    });
    const { fd } = ours;
    const quiet = pollerOf(t, driver);
    quiet.register(fd, { trigger: 'edge' });
    const loud = pollerOf(t, driver);
    loud.register(fd, { readable: true, writable: true, trigger: 'edge' });
    t.deepEqual(await soon(loud), ['OUT']);
    let noise = 0;
    for (let round = 0; round < 20; round += 1) {
      t.is(writeText(fd, 'x'), 1);
      t.is(client.read(Buffer.alloc(8)), 1);
      noise += (await now(loud)).length;
    }
    t.true(noise > 0, 'the kernel reports reads of the peer');
    t.deepEqual(await now(quiet), []);
    t.is(quiet.stats().events, 0);
  });

  test(`hazard-26 edge-counts: the number of edges on a pipe is not the number of writes, ${driver}`, async (t) => {
    const { reader, writer } = pipePair(t);
    const poller = pollerOf(t, driver);
    poller.register(reader, { trigger: 'edge' });
    writeText(writer, 'a');
    t.deepEqual(await soon(poller), ['IN']);
    // Kernels differ in whether a write to a pipe with unread bytes is an edge: at most one event comes, and no byte is lost.
    for (let round = 0; round < 10; round += 1) writeText(writer, 'b');
    t.true((await now(poller)).length <= 1);
    t.is(drain(reader), 11);
    const reported = soon(poller);
    writeText(writer, 'c');
    t.deepEqual(await reported, ['IN'], 'after a read to the end each write is an edge');
  });

  test(`hazard-27 hang-up alone: HUP without IN is an event, by every engine, ${driver}`, async (t) => {
    for (const engine of ['epoll', 'poll', 'select'] as const) {
      const { reader, closeWriter } = pipePair(t);
      const poller = pollerOf(t, driver, { engine });
      poller.register(reader);
      const reported = soon(poller);
      closeWriter();
      t.deepEqual(await reported, ['HUP'], engine);
      t.is(readText(reader), 'end');
    }
  });

  for (const how of ['fin', 'reset'] as const)
    straceTest(
      `hazard-28 masked: an unread connection and its peer's ${how} cost no wait, ${driver}`,
      async (t) => {
        const { ended, lines } = await straced(t, WAITS, 'hazard-paused', driver, how);
        const waits = endedWaits(lines);
        t.true(
          waits.length <= mostWaits,
          `${waits.length} waits in a second:\n${waits.slice(0, 20).join('\n')}`,
        );
        const report = reportOf(ended) as { whole: boolean; reported: string };
        t.is(report.reported, how === 'fin' ? 'the end' : 'ECONNRESET');
        if (how === 'fin') t.true(report.whole);
      },
    );

  for (const trigger of triggers)
    straceTest(
      `hazard-28 masked: a hang-up that lasts costs no wait, ${trigger}, ${driver}`,
      async (t) => {
        const fifos = [makeFifo(t), makeFifo(t)];
        const { ended, lines } = await straced(
          t,
          WAITS,
          'hazard-latched',
          driver,
          trigger,
          ...fifos,
        );
        const waits = endedWaits(lines);
        t.true(
          waits.length <= mostWaits,
          `${waits.length} waits in a second:\n${waits.slice(0, 20).join('\n')}`,
        );
        t.deepEqual(reportOf(ended), ['hanging true', ...(trigger === 'level' ? [] : ['silent'])]);
      },
    );

  test(`hazard-29 forgotten: a hang-up is reported again after rearm() and modify(), ${driver}`, async (t) => {
    for (const trigger of triggers) {
      const { reader, writer, closeWriter } = pipePair(t);
      const poller = pollerOf(t, driver);
      const registration = poller.register(reader, { trigger });
      writeText(writer, 'x');
      closeWriter();
      t.deepEqual(await soon(poller), ['IN|HUP'], trigger);
      t.is(readText(reader), 'x');
      registration.rearm();
      t.deepEqual(await soon(poller), ['HUP'], trigger);
      registration.modify({ trigger, priority: true });
      t.deepEqual(await soon(poller), ['HUP'], trigger);
      t.is(readText(reader), 'end');
    }
  });

  test(`hazard-29 forgotten: a hang-up without a pending pull is not lost, ${driver}`, async (t) => {
    const { reader, writer, closeWriter } = pipePair(t);
    const poller = pollerOf(t, driver);
    poller.register(reader, { trigger: 'edge' });
    const iterator = poller[Symbol.asyncIterator]();
    const first = iterator.next();
    writeText(writer, 'x');
    t.like((await first).value, { readable: true, hangup: false });
    closeWriter();
    for (let round = 0; round < 20; round += 1)
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    t.like((await iterator.next()).value, { readable: true, hangup: true });
  });

  test(`hazard-33 urgent: PRI comes only with interest in it, and other registrations neither spin nor miss data, ${driver}`, async (t) => {
    const { fd, peer } = await tcpPair(t);
    const [urgent, plain] = [pollerOf(t, driver), pollerOf(t, driver)];
    urgent.register(fd, { readable: true, priority: true });
    plain.register(fd, { readable: true });
    const reported = soon(urgent);
    await peer.run("s.send(b'!', socket.MSG_OOB)");
    t.deepEqual(await reported, ['PRI']);
    t.deepEqual(await soon(urgent), ['PRI'], 'level: it lasts');
    t.deepEqual(await now(plain), []);
    const data = soon(plain);
    await peer.run("s.sendall(b'plain')");
    t.deepEqual(await data, ['IN']);
    t.deepEqual(await soon(urgent), ['IN|PRI']);
    t.is(readText(fd), 'plain');
  });

  for (const trigger of triggers)
    test(`hazard-34 fifo: the last writer leaves, comes back and leaves again, three times, ${trigger}, ${driver}`, async (t) => {
      const path = makeFifo(t);
      const reader = open(t, path, O_RDONLY | O_NONBLOCK);
      const poller = pollerOf(t, driver);
      const registration = poller.register(reader, { trigger });
      const isOneshot = trigger.endsWith('oneshot');
      let writer = openSync(path, O_WRONLY | O_NONBLOCK);
      for (let round = 1; round <= 3; round += 1) {
        const reported = soon(poller);
        writeText(writer, `round ${round}`);
        t.deepEqual(await reported, ['IN'], `round ${round}`);
        t.is(readText(reader), `round ${round}`);
        if (isOneshot) registration.rearm();
        const hangup = soon(poller);
        closeSync(writer);
        t.deepEqual(await hangup, ['HUP'], `round ${round}`);
        t.is(readText(reader), 'end');
        // With level the next poll reports it again. The other triggers have reported it.
        t.deepEqual(await now(poller), trigger === 'level' ? ['HUP'] : []);
        if (isOneshot) {
          registration.rearm();
          t.deepEqual(await soon(poller), ['HUP'], 'it lasts');
        }
        writer = openSync(path, O_WRONLY | O_NONBLOCK);
        if (isOneshot) registration.rearm();
        t.deepEqual(await now(poller), [], 'a writer is back');
      }
      closeSync(writer);
    });

  test(`hazard-35 pty: 64 KiB in small reads, then the end as EIO, and nothing lost, ${driver}`, async (t) => {
    const master = open(t, '/dev/ptmx', O_RDWR | O_NOCTTY | O_NONBLOCK);
    const other = startPython(t, master);
    await other.run('t = slave_of(3); os.close(3)');
    const poller = pollerOf(t, driver);
    poller.register(master);
    const written = other.run("os.write(t, b'0123456789abcdef' * 4096)");
    const close = async (): Promise<void> => {
      t.is(await written, 65_536);
      await other.run('os.close(t)');
    };
    const closed = close();
    let text = '';
    let hangups = 0;
    for (let part = ''; part !== 'EIO';) {
      for (const event of await poller.poll()) hangups += event.hangup ? 1 : 0;
      part = readText(master, 100);
      if (part !== 'EIO' && part !== 'EAGAIN') text += part;
    }
    await closed;
    t.is(text.length, 65_536);
    t.true(text === '0123456789abcdef'.repeat(4096));
    t.true(hangups > 0);
  });

  test(`hazard-40 combined: ten writes are one item, and the bytes are all there, ${driver}`, async (t) => {
    for (const trigger of triggers) {
      const { reader, writer } = pipePair(t);
      const poller = new Poller<string | undefined>({ driver });
      poller.register(reader, { trigger });
      for (let round = 0; round < 10; round += 1) writeText(writer, `${round}`);
      t.deepEqual(await soon(poller), ['IN'], trigger);
      t.is(readText(reader), '0123456789');
      t.deepEqual(await now(poller), [], trigger);
      t.is(poller.stats().events, 1);
      poller.close();
    }
  });

  test(`hazard-96 unbounded: a million edges without a consumer are one item, and the heap is flat, ${driver}`, async (t) => {
    const args = ['--expose-gc', fixture('hazard-million'), driver, makeFifo(t)];
    const report = reportOf(await run(process.execPath, args)) as {
      grown: number;
      reported: string[];
      more: number;
      batches: number;
      events: number;
    };
    t.true(report.grown < 1_000_000, `the heap grew by ${report.grown} bytes`);
    t.deepEqual(report.reported, ['edge']);
    t.is(report.more, 0);
    t.true(report.batches <= 4, `${report.batches} batches`);
    t.true(report.events <= 4, `${report.events} events`);
  });
}

test('words: an event whose fields contradict its mask is an error', (t) => {
  const bits = { readable: true, writable: false, priority: false, readHangup: false };
  const event = { fd: 3, data: '', ...bits, hangup: false, error: false };
  t.is(words({ ...event, mask: 1 }), 'IN');
  t.throws(() => words({ ...event, mask: 5 }));
});
