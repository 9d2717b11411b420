/** Inotify descriptors: events of files and directories. Lost events are reported, as the event `overflow`. */
import { fd as native } from '../internal/binding.js';
import { systemError } from '../internal/errors.js';
import { nearest } from '../internal/nearest.js';
import { integer, oneOf, rangeError, typeError } from '../internal/validate.js';
import { Descriptor } from './owned.js';
import type { WaitOptions } from './ready.js';
import { itemsOf } from './ready.js';
import { checked, valueUnlessBlocked } from './results.js';
import { wakeReaders } from './waiting.js';

const watchBits: Record<InotifyWatchFor, number> = {
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
/** The kernel reports these in any case. */
const reportedBits = { unmount: 0x2000, overflow: 0x4000, ignored: 0x8000 };
const IN_ISDIR = 0x4000_0000;
const flagBits: Record<InotifyFlag, number> = {
  onlyDirectory: 0x0100_0000,
  dontFollow: 0x0200_0000,
  excludeUnlinked: 0x0400_0000,
  maskCreate: 0x1000_0000,
  maskAdd: 0x2000_0000,
  oneshot: 0x8000_0000,
};

/** An event to watch for. Each is the inotify(7) event of that name: `closeWrite` is IN_CLOSE_WRITE, `attributes` is IN_ATTRIB. */
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

/**
 * A flag for how a path is watched. Each is the inotify(7) flag of that name: `maskAdd` is IN_MASK_ADD, `onlyDirectory` is IN_ONLYDIR.
 */
export type InotifyFlag =
  | 'onlyDirectory'
  | 'dontFollow'
  | 'excludeUnlinked'
  | 'maskCreate'
  | 'maskAdd'
  | 'oneshot';

/** The type of an event: one that was watched for, or one that is always reported. */
export type InotifyEventType = InotifyWatchFor | 'unmount' | 'overflow' | 'ignored';

/** An event of a watched path. */
export interface InotifyEvent {
  /** The number of the watch, which `add()` returned; −1 for `overflow`. */
  watch: number;
  /**
   * What happened. `ignored`: the watch has ended, because it or its file was removed. `unmount`: the file system was unmounted.
   * `overflow`: the queue was full and events were lost, so read the state of all watched paths again.
   */
  type: InotifyEventType;
  /** The name inside the watched directory; `undefined` if the event is about the watched path itself. */
  name: string | undefined;
  /** The name's bytes if they are not UTF-8: then `name` has replacement characters. */
  nameBytes: Uint8Array | undefined;
  /** Whether the event is about a directory. */
  isDirectory: boolean;
  /** The same number for the `movedFrom` and the `movedTo` of one rename; 0 for other events. */
  cookie: number;
  /** The kernel's bits (inotify(7)). */
  mask: number;
}

const types = Object.entries({ ...watchBits, ...reportedBits }) as [InotifyEventType, number][];

function isOverflow(mask: number): boolean {
  return (mask & reportedBits.overflow) !== 0;
}

const requestBits = { ...watchBits, ...flagBits };
const requestWords = Object.keys(requestBits) as (keyof typeof requestBits)[];

/** The word for a name of inotify(7), such as IN_CLOSE_WRITE. Some of the words are longer. */
function wordOf(kernelName: string): keyof typeof requestBits | undefined {
  const letters = kernelName.replace(/^IN_/i, '').replaceAll('_', '').toLowerCase();
  if (letters.length < 4) return undefined;
  const isMeant = (word: string): boolean => word.toLowerCase().startsWith(letters);
  return requestWords.find(isMeant) ?? nearest(letters, requestWords);
}

let makeInotify: (fd: number) => Inotify;

/** A set of watched paths (inotify(7)). Iterating gives their events, one at a time. */
export class Inotify extends Descriptor implements AsyncIterable<InotifyEvent, undefined> {
  /** Events that were read but not returned yet. One read(2) returns at most 16 KiB of them. */
  #rest: InotifyEvent[] = [];

  static {
    makeInotify = (fd) => new Inotify(fd, 'inotify');
  }

  /**
   * Watches a file, or a directory without its subdirectories (inotify_add_watch(2)). Returns the number of the watch. If the same file
   * is watched already, its number stays the same, and `events` replaces the earlier ones. Default: all events.
   *
   * Throws `ENOENT`, `ENOTDIR`, `EACCES`, `ENAMETOOLONG`, and `ENOSPC` at the user's limit of watches (/proc/sys/fs/inotify), each with
   * `path`; also `ERR_CLOSED`, `TypeError`, `RangeError`.
   */
  add(path: string, events?: readonly (InotifyWatchFor | InotifyFlag)[]): number {
    if (typeof path !== 'string') throw typeError('path', 'a string', path);
    if (path === '' || path.includes('\0')) throw rangeError('path', 'a path', path);
    if (events !== undefined && !Array.isArray(events))
      throw typeError('events', 'an array of names', events);
    let mask = 0;
    for (const event of events ?? [])
      mask |= requestBits[oneOf('events', event, requestWords, wordOf)];
    if ((mask & 0xfff) === 0) {
      if (events?.length === 0) throw rangeError('events', 'at least one name', 'none');
      mask |= 0xfff;
    }
    const { fd } = this;
    const watch = native.inotifyAdd(fd, path, mask >>> 0);
    if (watch < 0) throw systemError(-watch, { syscall: 'inotify_add_watch', fd, path });
    return watch;
  }

  /** Ends a watch (inotify_rm_watch(2)). Its last event is `ignored`. Throws `EINVAL` if there is no such watch, `ERR_CLOSED`. */
  remove(watch: number): void {
    const number = integer('watch', watch, 0, 2 ** 31 - 1);
    const { fd } = this;
    checked(native.inotifyRemove(fd, number), 'inotify_rm_watch', { fd });
  }

  /** Returns a batch of at least one event; `null` if there is none. Throws `ERR_CLOSED`. */
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
   * Iterates the events. One read(2) returns several events. Those that a loop has not taken when it is left go to the next `read()` or
   * loop, but a `Poller` does not report them. Throws `ERR_CLOSED`.
   */
  values(options?: WaitOptions): AsyncIterableIterator<InotifyEvent, undefined, undefined> {
    const take = (): InotifyEvent | null => {
      if (this.#rest.length === 0) {
        this.#rest = this.read() ?? [];
        // Other waits would not end, because this read has emptied the kernel's queue.
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
 * Creates an empty set of watches, close-on-exec and non-blocking (inotify_init1(2)). Throws `ENFILE`, and `EMFILE` also at the user's
 * limit of instances.
 */
export function inotify(): Inotify {
  return makeInotify(checked(native.inotifyInit(), 'inotify_init1'));
}
