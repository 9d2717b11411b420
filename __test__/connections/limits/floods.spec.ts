// Floods of connections: descriptors and memory stay within the limits, every connection that is refused is closed, and the listener lives.
import test from 'ava';

import { runChild } from '../../support/child.js';
import { mostDescriptors } from '../../support/descriptors.js';
import { dial, nextOf, serverOf } from '../../support/net.js';
import { drivers } from '../../support/process.js';
import { standsStill } from '../helpers.js';

interface Flood {
  /** Descriptors before the flood, the most that there were during it, and after it. */
  before: number;
  most: number;
  after: number;
  /** Connections of the flood, and what became of them. */
  tried: number;
  refused: number;
  accepted: number;
  stats: Record<string, number>;
  /** Echoes for the well-behaved client during the flood, and afterwards for a fresh one. */
  echoes: number;
  fresh: string;
}

for (const driver of drivers) {
  for (const by of ['reset', 'end']) {
    test(`hazard-91 flood: 5,000 connects at a limit of 100, refused by ${by}; driver ${driver}`, async (t) => {
      const flood = await runChild<Flood>('flood', [driver, by]);
      t.is(flood.tried, 5_000);
      t.is(flood.accepted, 100);
      t.is(flood.refused, 4_900, 'each of the others is closed');
      t.is(flood.stats['overAddressLimit'], 4_900);
      // The well-behaved clients are two.
      t.true(flood.most <= flood.before + 100 + 2, `${flood.before} → ${flood.most}`);
      t.is(flood.after, flood.before);
      t.true(flood.echoes > 0);
      t.is(flood.fresh, 'fresh');
    });
  }
}

for (const driver of drivers) {
  test(`hazard-97 not-taken: connections that nobody takes wait in the kernel; driver ${driver}`, async (t) => {
    const server = await serverOf(t, { driver, backlog: 1000, maxPending: 16 });
    const accepted = server[Symbol.asyncIterator]();
    const first = accepted.next();
    const count = Math.min(600, Math.floor((mostDescriptors() - 400) / 2));
    const dials = Array.from({ length: count }, () => dial(server.address.port));
    for (const dialled of dials) {
      const peer = await dialled;
      t.teardown(() => peer.destroy());
    }
    await first;
    await standsStill('accepted', () => server.stats().accepted);
    const { accepted: taken, pending } = server.stats();
    t.true(pending <= 16, `${pending} wait in the process`);
    t.true(taken <= 16 + 1, `${taken} are accepted`);
    for (let rest = 1; rest < count; rest += 1) await nextOf(accepted);
    t.is(server.stats().accepted, count);
  });
}
