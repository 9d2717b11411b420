/** The public types of edgepoll/epoll, by compiling: never run. A wrong use must be an error, or the comment above it is one. */
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
// @ts-expect-error what to watch for has to be given
poller.add(0);
// @ts-expect-error a number, not its text
poller.remove('0');
// @ts-expect-error to be read only
poller.closed = true;
// @ts-expect-error a constant
Epoll.EPOLLIN = 2;

class Named extends Epoll {
  name = 'mine';
}
expectTypeOf(new Named(() => {}).add(0, 1).name).toEqualTypeOf<string>();
