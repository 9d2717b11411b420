/**
 * What happens to files and folders.
 *
 * It must never hide that events were lost.
 */
import { fd as native } from '../internal/binding.js';
import { systemError } from '../internal/errors.js';
import { integer, oneOf, rangeError, typeError } from '../internal/validate.js';
import { Descriptor } from './owned.js';
import type { WaitOptions } from './ready.js';
import { itemsOf } from './ready.js';
import { checked, valueUnlessBlocked } from './results.js';
import { wakeReaders } from './waiting.js';

const bits: Record<InotifyWatchFor, number> = {
  access: 0x001,
  modify: 0x002,
  attributes: 0x004,
  closeWrite: 0x008,
  closeNoWrite: 0x010,
  open: 0x020,
  movedFrom: 0x040,
  movedTo: 0x080,
  create: 0x100,
  delete: 0x200,
  deleteSelf: 0x400,
  moveSelf: 0x800,
};
const told = { unmount: 0x2000, overflow: 0x4000, ignored: 0x8000 };
const IN_ISDIR = 0x4000_0000;
const flags: Record<InotifyFlag, number> = {
  onlyDirectory: 0x0100_0000,
  dontFollow: 0x0200_0000,
  excludeUnlinked: 0x0400_0000,
  maskCreate: 0x1000_0000,
  maskAdd: 0x2000_0000,
  oneshot: 0x8000_0000,
};

/** What can be watched for; each is the inotify(7) flag of that name (`attributes` is IN_ATTRIB). */
export type InotifyWatchFor =
  | 'access'
  | 'modify'
  | 'attributes'
  | 'closeWrite'
  | 'closeNoWrite'
  | 'open'
  | 'movedFrom'
  | 'movedTo'
  | 'create'
  | 'delete'
  | 'deleteSelf'
  | 'moveSelf';

/** How a path is watched; each is the inotify(7) flag of that name (`onlyDirectory` is IN_ONLYDIR). */
export type InotifyFlag =
  | 'onlyDirectory'
  | 'dontFollow'
  | 'excludeUnlinked'
  | 'maskCreate'
  | 'maskAdd'
  | 'oneshot';

/** What an event tells: something that was watched for, or one that always comes. */
export type InotifyEventType = InotifyWatchFor | 'unmount' | 'overflow' | 'ignored';

/** Something happened. */
export interface InotifyEvent {
  /** The number that `add()` gave; −1 of `overflow`. */
  watch: number;
  /**
   * What. `ignored`: the watch is gone, because it was removed or its file was. `unmount`: the file system went.
   * `overflow`: the queue was full and events were lost: look at everything again.
   */
  type: InotifyEventType;
  /** The name inside the watched folder, or `undefined` when it is about the watched path itself. */
  name: string | undefined;
  /** The name's bytes, where they are not UTF-8 and `name` shows replacements. */
  nameBytes: Uint8Array | undefined;
  /** It is about a folder. */
  isDirectory: boolean;
  /** The same number in `movedFrom` and `movedTo` of one rename; else 0. */
  cookie: number;
  /** The kernel's own bits. */
  mask: number;
}

const types = Object.entries({ ...bits, ...told }) as [InotifyEventType, number][];

function isOverflow(mask: number): boolean {
  return (mask & told.overflow) !== 0;
}

let makeInotify: (fd: number) => Inotify;

/** A set of watched paths (inotify(7)). Iterating gives one event after the other. */
export class Inotify extends Descriptor implements AsyncIterable<InotifyEvent, undefined> {
  /** What one read(2) gave and nobody has had yet: at most its 16 KiB. */
  #rest: InotifyEvent[] = [];

  static {
    makeInotify = (fd) => new Inotify(fd, 'inotify');
  }

  /**
   * Watches a file or a folder, not what is below its folders; gives the watch's number. The same file again gives the
   * same number, and what it is watched for is replaced. Default: everything.
   *
   * Throws `ENOENT`, `ENOTDIR`, `EACCES`, `ENOSPC` (the user's limit of watches, /proc/sys/fs/inotify), `ENAMETOOLONG`,
   * each with `path`; `ERR_CLOSED`, `TypeError`, `RangeError`.
   */
  add(path: string, events?: readonly (InotifyWatchFor | InotifyFlag)[]): number {
    if (typeof path !== 'string') throw typeError('path', 'a string', path);
    if (path === '' || path.includes('\0')) throw rangeError('path', 'a path', path);
    if (events !== undefined && !Array.isArray(events))
      throw typeError('events', 'an array of names', events);
    let mask = 0;
    const all = { ...bits, ...flags };
    const words = Object.keys(all) as (keyof typeof all)[];
    for (const event of events ?? []) mask |= all[oneOf('events', event, words)];
    if ((mask & 0xfff) === 0) {
      if (events?.length === 0) throw rangeError('events', 'at least one name', 'none');
      mask |= 0xfff;
    }
    const { fd } = this;
    const watch = native.inotifyAdd(fd, path, mask >>> 0);
    if (watch < 0) throw systemError(-watch, { syscall: 'inotify_add_watch', fd, path });
    return watch;
  }

  /** Ends a watch; `ignored` is its last event. Throws `EINVAL` for one that there is not, `ERR_CLOSED`. */
  remove(watch: number): void {
    const number = integer('watch', watch, 0, 2 ** 31 - 1);
    const { fd } = this;
    checked(native.inotifyRemove(fd, number), 'inotify_rm_watch', { fd });
  }

  /** A batch of events, at least one; `null` when there is none. Throws `ERR_CLOSED`. */
  read(): InotifyEvent[] | null {
    const { fd } = this;
    if (this.#rest.length > 0) return this.#rest.splice(0);
    const records = valueUnlessBlocked(native.inotifyNext(fd), 'read', fd);
    if (records === null) return null;
    return records.map(({ watch, mask, cookie, name, bytes: nameBytes }) => {
      const type = types.find(([, bit]) => (mask & bit) !== 0)?.[0] ?? 'ignored';
      const isDirectory = !isOverflow(mask) && (mask & IN_ISDIR) !== 0;
      const named = name === '' ? undefined : name;
      return { watch, type, name: named, nameBytes, isDirectory, cookie, mask };
    });
  }

  /**
   * Events, one after the other. The kernel gives several at once: what a loop that is left has not had is there for the
   * next `read()` or loop, but a `Poller` does not tell of it.
   */
  values(options?: WaitOptions): AsyncIterableIterator<InotifyEvent, undefined, undefined> {
    const take = (): InotifyEvent | null => {
      if (this.#rest.length === 0) {
        this.#rest = this.read() ?? [];
        // Others wait for a readiness that this read has ended.
        if (this.#rest.length > 1) wakeReaders(this);
      }
      return this.#rest.shift() ?? null;
    };
    return itemsOf(this, take, options);
  }

  /** As {@link Inotify.values}. */
  [Symbol.asyncIterator](): AsyncIterableIterator<InotifyEvent, undefined, undefined> {
    return this.values();
  }
}

/**
 * An empty set of watches, close-on-exec and non-blocking (inotify_init1(2)). Throws `EMFILE` (also at the user's limit of
 * instances), `ENFILE`.
 */
export function inotify(): Inotify {
  return makeInotify(checked(native.inotifyInit(), 'inotify_init1'));
}
