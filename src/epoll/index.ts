/**
 * `edgepoll/epoll`: the class of npm `epoll` 4, without its addon.
 *
 * A program changes one word, `require('edgepoll/epoll').Epoll` or `import { Epoll } from 'edgepoll/epoll'`, and
 * runs as before, also in workers, in Bun and in Deno. What differs is told in docs/epoll-dropin.md of the repository.
 *
 * @packageDocumentation
 */
import { Epoll } from './epoll.js';

export { Epoll };
export type { EpollCallback } from './epoll.js';

/** What `import epoll from 'epoll'` gave: the module's exports as one object. */
const exported: { readonly Epoll: typeof Epoll } = { Epoll };

export default exported;
