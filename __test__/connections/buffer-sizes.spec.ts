// How much the kernel keeps for a connection: what a peer that reads nothing costs, and sizes that the kernel does not allow.
import { readFileSync } from 'node:fs';

import type { ExecutionContext } from 'ava';
import test from 'ava';
import type { ListenOptions } from 'edgepoll';
import { connect, listen } from 'edgepoll';

import { dial, pairOf, rejection } from '../support/net.js';
import { standsStill } from './helpers.js';

/** How many bytes the kernel takes for a peer that reads nothing. */
async function takenBy(t: ExecutionContext, options: Partial<ListenOptions>): Promise<number> {
  const { connection, peer } = await pairOf(t, { ...options, maxBufferedAmount: 2 ** 26 });
  peer.pause();
  connection.write(Buffer.alloc(2 ** 25)).catch(() => {});
  await standsStill('bytesWritten', () => connection.bytesWritten);
  return connection.bytesWritten;
}

test.serial(
  'a peer that reads nothing gets no more from the kernel than it has sent, and maxUnsentAmount',
  async (t) => {
    const all = await takenBy(t, { maxUnsentAmount: 'auto' });
    const bounded = await takenBy(t, { maxUnsentAmount: 16_384 });
    const byDefault = await takenBy(t, {});
    // What is sent lies in the peer's own buffer.
    const sent = Number(readFileSync('/proc/sys/net/ipv4/tcp_rmem', 'latin1').split('\t')[1]);
    t.true(bounded < sent + 16_384 + 131_072, `${bounded}`);
    t.true(byDefault < sent + 131_072 + 131_072, `${byDefault}`);
    t.true(bounded < byDefault && byDefault < all, `${bounded}, ${byDefault}, ${all}`);
  },
);

test('a size that the kernel would cut is an error that names the option and the setting', async (t) => {
  const host = '127.0.0.1';
  const server = await listen({ host, port: 0, receiveBufferSize: 4096, sendBufferSize: 4096 });
  t.teardown(() => server.destroy());
  const { port } = server.address;
  for (const [option, setting] of [
    ['receiveBufferSize', 'net.core.rmem_max'],
    ['sendBufferSize', 'net.core.wmem_max'],
  ] as const) {
    const most = Number(readFileSync(`/proc/sys/${setting.replaceAll('.', '/')}`, 'latin1'));
    for (const open of [
      () => listen({ host, port: 0, [option]: most + 1 }),
      () => connect({ host, port, [option]: most + 1 }),
    ]) {
      const { code, message } = await rejection(open());
      t.is(code, 'ERR_BUFFER_SIZE');
      t.true(
        message.startsWith(
          `${option} is ${most + 1}, and the kernel allows at most ${most} (${setting})`,
        ),
        message,
      );
    }
    const largest = await listen({ host, port: 0, [option]: most });
    largest.destroy();
    await largest.closed;
    const connection = await connect({ host, port, [option]: most });
    connection.destroy();
    await connection.closed;
  }
  // The address of the refused listener is free.
  const refused = await rejection(listen({ host, port: 0, receiveBufferSize: 2 ** 31 - 1 }));
  t.is(refused.code, 'ERR_BUFFER_SIZE');
  const peer = await dial(port);
  peer.destroy();
});
