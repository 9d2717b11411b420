/** A program that uses every kind of public type once. The types matrix compiles it in each combination. It never runs. */
import { webcrypto } from 'node:crypto';

import type { Chunk, ErrorCode, ListenOptions, ReadinessEvent, RegisterOptions } from 'edgepoll';
import { connect, EdgepollError, listen, Poller, watch } from 'edgepoll';
import { Epoll } from 'edgepoll/epoll';
import { eventfd, inotify, OwnedFd, signalfd, socketpair, timerfd } from 'edgepoll/fd';

/** An option that is undefined counts as left out. */
export function optionsOf(host?: string, signal?: AbortSignal): ListenOptions {
  return { port: 0, host, signal, framing: undefined, driver: undefined };
}

export async function serve(): Promise<void> {
  await using server = await listen(optionsOf());
  for await (const event of server.events()) {
    if (event.type === 'data') await event.connection.write(event.data);
    else if (event.type === 'close') console.log(event.reason.cause, event.reason.bytesUnsent);
  }
}

export async function receive(): Promise<Chunk | null> {
  await using connection = await connect({ port: 1, signal: new AbortController().signal });
  for await (const chunk of connection) {
    // The chunk can be assigned to a Buffer and to a Uint8Array.
    const bytes: Uint8Array = chunk;
    const buffer: Buffer = chunk;
    console.log(bytes.length, buffer.toString('hex'), chunk.readUInt8(0));
    await webcrypto.subtle.digest('SHA-256', chunk);
  }
  return connection.read();
}

export function codeOf(error: unknown): ErrorCode | undefined {
  if (!(error instanceof EdgepollError)) return undefined;
  // @ts-expect-error there is no such code
  if (error.code === 'ERR_SEND_QUEUE_FUL') return undefined;
  return error.code === 'ECONNRESET' ? 'ERR_SEND_QUEUE_FULL' : error.code;
}

export async function wait(): Promise<ReadinessEvent<{ name: string }>[]> {
  using poller = holder(new Poller<{ name: string }>({ signal: undefined }));
  const options: RegisterOptions<{ name: string }> = {
    data: { name: 'stdin' },
    trigger: undefined,
  };
  const registration = poller.value.register(0, options);
  registration.modify({ writable: true });
  // @ts-expect-error every event has data
  poller.value.register(1);
  for await (const event of watch(0)) console.log(event.fd, event.readable);
  return poller.value.poll({ timeout: 0 });
}

/** An object of the caller's own that can be disposed of. */
function holder(value: Poller<{ name: string }>): Disposable & { value: Poller<{ name: string }> } {
  return { value, [Symbol.dispose]: () => value.close() };
}

export async function descriptors(): Promise<void> {
  using counter = eventfd({ initial: 1, semaphore: undefined });
  using timer = timerfd({ clock: 'boottime' });
  using changes = inotify();
  using signals = signalfd(['SIGTERM']);
  using owned = OwnedFd.adopt(3);
  timer.set({ after: 1, at: undefined });
  const count: bigint | null = counter.read();
  console.log(count, owned.read(new Uint8Array(1)), changes.add('/', ['create']));
  for await (const { signal } of signals) console.log(signal);
  const [one] = socketpair({ type: 'dgram' });
  const message = one.receiveMessage({ descriptors: 1 });
  if (message?.from?.family === 'unix') console.log(message.from.path, message.data.toString());
}

export const old: number = new Epoll(() => {}).add(0, Epoll.EPOLLIN).closed ? 1 : 0;
