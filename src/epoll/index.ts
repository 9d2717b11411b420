/**
 * `edgepoll/epoll`: a replacement for npm `epoll` 4.
 *
 * A program changes the module's name only, to `require('edgepoll/epoll').Epoll` or `import { Epoll } from 'edgepoll/epoll'`. It also runs
 * in workers, in Bun and in Deno. docs/epoll-dropin.md in the repository lists the differences.
 *
 * @packageDocumentation
 */
import { Epoll } from './epoll.js';

export { Epoll };
export type { EpollCallback } from './epoll.js';

/** The module's exports as one object, for `import epoll from 'edgepoll/epoll'`. */
const exported: { readonly Epoll: typeof Epoll } = { Epoll };

export default exported;
