// Loads the packages that are measured: edgepoll from this clone's build, npm's epoll from benchmark/node_modules.
// Imported at run time, so that the type check needs neither.

const dist = new URL('../../dist/', import.meta.url);

/**
 * The part of a Poller that the contenders use.
 * @typedef {object} Event
 * @property {number} fd
 * @property {number} data
 * @property {boolean} readable
 *
 * @typedef {object} Options
 * @property {boolean} readable
 * @property {'level' | 'edge'} [trigger]
 * @property {number} data
 *
 * @typedef {AsyncIterable<Event> & { register(fd: number, options: Options): unknown, poll(): Promise<Event[]> }} Poller
 * @typedef {{ Poller: new (options?: { engine?: string }) => Poller }} Edgepoll
 *
 * @typedef {{ fd: number, read(): bigint | null, write(): boolean }} Counter
 * @typedef {{ fd: number, read(into: Uint8Array): number | null, write(bytes: Uint8Array): number | null }} OwnedFd
 * @typedef {{ eventfd: () => Counter, pipe: () => { reader: OwnedFd, writer: OwnedFd } }} EdgepollFd
 *
 * @typedef {object} Epoll
 * @property {(fd: number, events: number) => Epoll} add
 * @property {(fd: number) => Epoll} remove
 *
 * @typedef {(error: Error | null, fd: number, events: number) => void} Callback
 * @typedef {{ new (callback: Callback): Epoll, EPOLLIN: number }} EpollClass
 */

/** @returns {Promise<Edgepoll>} */
export function edgepoll() {
  return import(new URL('index.js', dist).href);
}

/** @returns {Promise<EdgepollFd>} */
export function edgepollFd() {
  return import(new URL('fd/index.js', dist).href);
}

/** The class of edgepoll/epoll, or of npm's epoll. @param {'edgepoll/epoll' | 'epoll'} name @returns {Promise<EpollClass>} */
export async function epollClass(name) {
  const module = await import(name === 'epoll' ? name : new URL('epoll/index.js', dist).href);
  // The exports of a CommonJS package may be on its default export only.
  return module.Epoll ?? module.default.Epoll;
}
