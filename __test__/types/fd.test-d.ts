/** The public types of edgepoll/fd, by compiling: never run. A wrong use must be an error, or the comment above it is one. */
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
// @ts-expect-error owners are made by functions
new fd.OwnedFd(3, 'mine', false);
// @ts-expect-error the number is not to be changed
fd.eventfd().fd = 3;
// @ts-expect-error a number, not its text
fd.OwnedFd.adopt('3');
void new Poller().register(fd.timerfd());
void watch(fd.pipe().reader);

// Counters and timers
expectTypeOf(fd.eventfd().read()).toEqualTypeOf<bigint | null>();
expectTypeOf(fd.eventfd()).toExtend<AsyncIterable<bigint, undefined>>();
fd.timerfd({ clock: 'boottime' }).set({ after: 1 }, 2);
// @ts-expect-error either after or at
fd.timerfd().set({ after: 1, at: 2 });
// @ts-expect-error there is no such clock
fd.timerfd({ clock: 'sundial' });

// Signals, processes, inotify
expectTypeOf(fd.signalfd(['SIGTERM']).read()).toEqualTypeOf<SignalInfo | null>();
// @ts-expect-error signals go by name
fd.signalfd([15]);
expectTypeOf(fd.pidfd(1).exited()).toEqualTypeOf<Promise<void>>();
expectTypeOf(fd.inotify()).toExtend<AsyncIterable<InotifyEvent, undefined>>();
// @ts-expect-error there is no such event
fd.inotify().add('/', ['nothing']);

// Sockets: the family tells what else is there.
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
