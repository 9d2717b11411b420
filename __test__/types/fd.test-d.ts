/** The public types of edgepoll/fd. This file is compiled and never run. `@ts-expect-error` fails if no error follows. */
import { expectTypeOf } from 'expect-type';

import type { EdgepollError } from 'edgepoll';
import { Poller, watch } from 'edgepoll';
import type { InotifyEvent, Message, SignalInfo, SocketAddress } from 'edgepoll/fd';
import * as fd from 'edgepoll/fd';

// Owners
expectTypeOf(fd.pipe()).toEqualTypeOf<{ reader: fd.OwnedFd; writer: fd.OwnedFd }>();
expectTypeOf(fd.OwnedFd.adopt(3)).toEqualTypeOf<fd.OwnedFd>();
expectTypeOf(fd.Socket.adopt(3)).toEqualTypeOf<fd.Socket>();
expectTypeOf<fd.OwnedFd>().toExtend<Disposable & { readonly fd: number }>();
expectTypeOf<fd.OwnedFd['read']>().returns.toEqualTypeOf<number | null>();
expectTypeOf<fd.EdgepollError>().toExtend<EdgepollError>();
// @ts-expect-error owned descriptors are made by functions
new fd.OwnedFd(3, 'mine', false);
// @ts-expect-error `fd` is read-only
fd.eventfd().fd = 3;
// @ts-expect-error a descriptor is a number
fd.OwnedFd.adopt('3');
void new Poller().register(fd.timerfd());
void watch(fd.pipe().reader);

// Counters and timers
expectTypeOf(fd.eventfd().read()).toEqualTypeOf<bigint | null>();
expectTypeOf(fd.eventfd()).toExtend<AsyncIterable<bigint, undefined>>();
fd.timerfd({ clock: 'boottime' }).set({ after: 1 }, 2);
// @ts-expect-error `after` and `at` exclude each other
fd.timerfd().set({ after: 1, at: 2 });
// @ts-expect-error there is no such clock
fd.timerfd({ clock: 'sundial' });

// Signals, processes, inotify
expectTypeOf(fd.signalfd(['SIGTERM']).read()).toEqualTypeOf<SignalInfo | null>();
// @ts-expect-error a signal is given by its name
fd.signalfd([15]);
expectTypeOf(fd.pidfd(1).exited()).toEqualTypeOf<Promise<void>>();
expectTypeOf(fd.inotify()).toExtend<AsyncIterable<InotifyEvent, undefined>>();
// @ts-expect-error there is no such event
fd.inotify().add('/', ['nothing']);

// Sockets: the fields of an address depend on `family`.
const socket = fd.socket('unix', 'dgram');
expectTypeOf(fd.socketpair()).toEqualTypeOf<[fd.Socket, fd.Socket]>();
expectTypeOf(socket).toExtend<AsyncIterable<Message, undefined>>();
expectTypeOf(socket.receiveMessage()).toEqualTypeOf<Message | null>();
expectTypeOf<Message['descriptors']>().toEqualTypeOf<fd.OwnedFd[]>();
socket.sendMessage({ data: 'x', descriptors: [3, fd.eventfd()] });
expectTypeOf<Message['timestamp']>().toEqualTypeOf<bigint | undefined>();
expectTypeOf(socket.receiveError()).toEqualTypeOf<fd.QueuedError | null>();
expectTypeOf(socket.getOption('SOL_SOCKET', 'SO_RCVBUF')).toEqualTypeOf<number>();
// @ts-expect-error no such constant
socket.getOption('SOL_SOCKET', 'SO_RCVBUFF');
expectTypeOf(socket.tcpInfo().bytesAcked).toEqualTypeOf<bigint | undefined>();
// @ts-expect-error a path has no port
socket.bind({ family: 'unix', path: '/x', port: 3 });
// @ts-expect-error a vsock address has a cid
socket.bind({ family: 'vsock', port: 3 });
export function described(address: SocketAddress): string | number {
  switch (address.family) {
    case 'inet':
    case 'inet6':
      return address.port;
    case 'unix':
      // A path that is not UTF-8 is a Buffer.
      return address.path.toString();
    case 'packet':
    case 'can':
      return address.interface;
    case 'netlink':
      return address.groups;
    case 'vsock':
      return address.cid;
    case 'unspecified':
      return 'none';
    default:
      return address.data.length;
  }
}
