/** The zones of link-local addresses (RFC 4007): the kernel gets the zone's number, and addresses are reported with it. */
import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';

import type { TestFn } from 'ava';
import test from 'ava';
import { connect } from 'edgepoll';

import { reportOf, runInjected } from '../support/injected.js';
import { hasLoopback6, nextOf, serverOf } from '../support/net.js';
import { straceTest } from '../support/process.js';

/** A link-local address of an interface that is up, with its zone's name and number. */
const local = Object.entries(networkInterfaces())
  .flatMap(([zone, addresses]) =>
    (addresses ?? []).flatMap((one) =>
      one.family === 'IPv6' && one.address.startsWith('fe80:')
        ? [{ address: one.address, zone, number: one.scopeid }]
        : [],
    ),
  )
  .find(({ zone }) => readFileSync(`/sys/class/net/${zone}/operstate`, 'utf8').trim() === 'up');

/** A function that skips its test and adds the reason to the title. */
const skipBecause = (reason: string): TestFn =>
  ((title: string, body: () => void): void => test.skip(`${title} (${reason})`, body)) as TestFn;

const linkLocalTest: TestFn =
  local === undefined ? skipBecause('this machine has no link-local IPv6 address') : test;

linkLocalTest(
  "a link-local address is reported with its zone's number, at both ends",
  async (t) => {
    if (local === undefined) throw new Error('no link-local address');
    const { address, zone, number } = local;
    const numbered = `${address}%${number}`;
    for (const host of [`${address}%${zone}`, numbered]) {
      const server = await serverOf(t, { host });
      const { port } = server.address;
      t.deepEqual(server.address, { address: numbered, port, family: 'IPv6' });
      const accepted = server[Symbol.asyncIterator]();
      const connection = await connect({ host, port });
      t.teardown(() => connection.destroy());
      t.deepEqual(connection.remoteAddress, { address: numbered, port, family: 'IPv6' });
      t.is(connection.localAddress?.address, numbered);
      const other = await nextOf(accepted);
      t.is(other.localAddress?.address, numbered);
      t.deepEqual(other.remoteAddress, connection.localAddress);
    }
  },
);

(hasLoopback6 ? straceTest : skipBecause('this machine has no address ::1'))(
  'a zone is passed to the kernel as its number, whether given by name or number, and no zone as 0',
  async (t) => {
    const calls = 'bind,connect';
    const { ended, lines } = await runInjected(
      t,
      { calls },
      'zones',
      'fe80::1%lo',
      'fe80::1%1',
      'fe80::1',
    );
    reportOf(ended);
    const scopes = lines
      .filter((line) => line.includes('sin6_port=htons(4321)'))
      .map((line) => /(bind|connect)\(.*sin6_scope_id=([^}]+)\}/.exec(line)?.slice(1).join(' '));
    const lo = 'if_nametoindex("lo")';
    const [listening, connecting] = [`bind ${lo}`, `connect ${lo}`];
    t.deepEqual(scopes, [listening, connecting, listening, connecting, 'bind 0', 'connect 0']);
  },
);
