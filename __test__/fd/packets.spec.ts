/** Packets of the link layer (AF_PACKET). These sockets refuse MSG_CMSG_CLOEXEC, which other sockets take. */
import test from 'ava';
import type { EdgepollError, PacketAddress, Socket } from 'edgepoll/fd';
import { socket } from 'edgepoll/fd';

import { drivers } from '../support/process.js';

/** The number of a protocol that no other program here uses, so that the socket receives the test's packets only. */
const protocol = 0xb000 + (process.pid & 0xfff) * 4;

/** A socket that receives this protocol over the loopback interface; `undefined` without the privilege. */
function receiver(type: 'raw' | 'dgram', of: number): Socket | undefined {
  try {
    // Without a protocol it receives nothing until it is bound.
    const made = socket('packet', type);
    made.bind({ family: 'packet', interface: 'lo', protocol: of });
    return made;
  } catch (error) {
    const { code } = error as EdgepollError;
    if (code === 'EPERM' || code === 'EACCES' || code === 'EAFNOSUPPORT') return undefined;
    throw error;
  }
}

for (const [index, driver] of drivers.entries()) {
  test(`packet: messages, senders and an iteration of a socket that refuses MSG_CMSG_CLOEXEC, ${driver}`, async (t) => {
    const packets = receiver('raw', protocol + index);
    if (packets === undefined) {
      t.log('needs CAP_NET_RAW');
      t.pass();
      return;
    }
    const at = packets.localAddress as PacketAddress;
    t.like(at, { family: 'packet', protocol: protocol + index, hardwareType: 772 });
    t.true(Number(at.interface) > 0);
    const sender = socket('packet', 'dgram');
    const to = {
      family: 'packet',
      interface: 'lo',
      protocol: protocol + index,
      address: Buffer.alloc(6),
    } as const;
    for (const text of ['one', 'two', 'three', 'four']) t.is(sender.send(text, to), text.length);

    const into = Buffer.alloc(64);
    const first = packets.receiveFrom(into);
    // A raw socket gives the packet with Ethernet's header of 14 bytes.
    t.like(first, { length: 17, truncated: false });
    t.is(into.toString('utf8', 14, 17), 'one');
    t.deepEqual(first?.from, {
      family: 'packet',
      interface: at.interface,
      protocol: protocol + index,
      address: Buffer.alloc(6),
      hardwareType: 772,
      packetType: 'host',
    });
    t.is(packets.receiveMessage()?.data.toString('utf8', 14), 'two');
    t.like(packets.receiveMessage({ length: 15 }), { length: 19, truncated: true });
    const messages = packets.values({ driver });
    t.is((await messages.next()).value?.data.toString('utf8', 14), 'four');
    const next = messages.next();
    sender.send('five', to);
    t.is((await next).value?.data.toString('utf8', 14), 'five');
    t.is(packets.receiveMessage(), null);
    packets.close();
    sender.close();
  });
}

test('packet: bad addresses are refused before anything is sent', (t) => {
  const packets = receiver('dgram', protocol + 3);
  if (packets === undefined) {
    t.log('needs CAP_NET_RAW');
    t.pass();
    return;
  }
  const send = (address: object): (() => unknown) => {
    return () => packets.send('x', { family: 'packet', interface: 'lo', ...address });
  };
  t.throws(send({ address: 'aa:bb:cc:dd:ee:ff' }), { instanceOf: TypeError });
  t.throws(send({ address: Buffer.alloc(33) }), { instanceOf: RangeError });
  t.throws(send({ protocol: 65_536 }), { instanceOf: RangeError });
  t.throws(send({ interface: 'no-such-interface' }), { code: 'ENODEV' });
  t.is(packets.receiveMessage(), null);
  packets.close();
});
