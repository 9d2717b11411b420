/** The public types of edgepoll/epoll. This file is compiled and never run. `@ts-expect-error` fails if no error follows. */
import { expectTypeOf } from 'expect-type';

import type { EpollCallback } from 'edgepoll/epoll';
import * as entry from 'edgepoll/epoll';

const { Epoll } = entry;
const poller = new Epoll((err, fd, events) => {
  expectTypeOf(err).toEqualTypeOf<Error | null>();
  expectTypeOf([fd, events]).toEqualTypeOf<number[]>();
});
expectTypeOf(entry.default.Epoll).toEqualTypeOf<typeof Epoll>();
expectTypeOf<EpollCallback>().parameters.toEqualTypeOf<[Error | null, number, number]>();
expectTypeOf(poller.add(0, Epoll.EPOLLIN | Epoll.EPOLLET)).toEqualTypeOf<entry.Epoll>();
expectTypeOf(poller.modify(0, Epoll.EPOLLIN).remove(0).close()).toEqualTypeOf<null>();
expectTypeOf(poller.closed).toEqualTypeOf<boolean>();
// @ts-expect-error a callback has to be given
new Epoll();
// @ts-expect-error the events to watch for have to be given
poller.add(0);
// @ts-expect-error a descriptor is a number
poller.remove('0');
// @ts-expect-error `closed` is read-only
poller.closed = true;
// @ts-expect-error the constants are read-only
Epoll.EPOLLIN = 2;

class Named extends Epoll {
  name = 'mine';
}
expectTypeOf(new Named(() => {}).add(0, 1).name).toEqualTypeOf<string>();
