/**
 * A socket's error queue that the program does not read must not keep the event loop busy. A file of its own, so that no other
 * test adds to the number of turns that it measures.
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';

import { constants, socket } from 'edgepoll/fd';

import { drivers, exceptIn } from '../support/process.js';

const onlyNode = exceptIn(['bun', 'deno'], 'only libuv counts the turns of the event loop');

/** The number of turns that the event loop has made. */
function turns(): number {
  const { uvMetricsInfo } = performance.nodeTiming as unknown as {
    uvMetricsInfo: { loopCount: number };
  };
  return uvMetricsInfo.loopCount;
}

/** Milliseconds of one measurement. */
const WINDOW = 250;
/** The most turns of an idle loop in that time. A spinning loop makes a hundred even on a busy machine. */
const IDLE = 12;

/**
 * Whether the loop becomes idle: it makes few turns in one of the windows. One window is not enough, because V8's garbage
 * collection runs tasks in the loop, for seconds on a busy machine.
 */
async function rests(): Promise<boolean> {
  for (let window = 0; window < 40; window += 1) {
    const before = turns();
    // This does not wait for an event: it counts the turns within this time.
    await delay(WINDOW);
    if (turns() - before < IDLE) return true;
  }
  return false;
}

onlyNode(
  'error-queue: an iteration over messages sleeps beside unread entries, and still gets messages',
  async (t) => {
    for (const driver of drivers) {
      const here = socket('inet', 'dgram');
      here.bind({ family: 'inet', address: '127.0.0.1', port: 0 });
      const flags = constants.SOF_TIMESTAMPING_TX_SOFTWARE | constants.SOF_TIMESTAMPING_SOFTWARE;
      here.setOption('SOL_SOCKET', 'SO_TIMESTAMPING', flags);
      here.send('first', here.localAddress);
      const messages = here.values({ driver });
      t.is((await messages.next()).value?.data.toString(), 'first');
      const next = messages.next();
      t.true(await rests(), `${driver}: the event loop spins`);
      // The iteration gives a new message, although the error queue was never empty.
      here.send('second', here.localAddress);
      t.is((await next).value?.data.toString(), 'second');
      let entries = 0;
      while (here.receiveError() !== null) entries += 1;
      t.is(entries, 2);
      here.send('third', here.localAddress);
      t.is((await messages.next()).value?.data.toString(), 'third');
      here.close();
    }
  },
);
