/** Events of inotify: in order, and a loss is reported. */
import { mkdirSync, readFileSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';

import test from 'ava';
import type { Inotify, InotifyEvent } from 'edgepoll/fd';
import { inotify } from 'edgepoll/fd';

import { drivers, exceptIn, folder } from '../support/process.js';

function brief(events: InotifyEvent[] | null): string[] {
  return (events ?? []).map(({ type, name, isDirectory }) =>
    [type, name ?? '-', ...(isDirectory ? ['folder'] : [])].join(' '),
  );
}

async function taken(
  source: Inotify,
  count: number,
  driver: 'uv' | 'thread',
): Promise<InotifyEvent[]> {
  const events: InotifyEvent[] = [];
  for await (const event of source.values({ driver })) {
    events.push(event);
    if (events.length === count) break;
  }
  return events;
}

for (const driver of drivers) {
  test(`inotify: one event after the other, renames in pairs, ${driver}`, async (t) => {
    const path = folder(t);
    const watches = inotify();
    const watch = watches.add(path, ['create', 'movedFrom', 'movedTo', 'delete', 'closeWrite']);
    t.is(watches.add(path, ['create', 'movedFrom', 'movedTo', 'delete', 'closeWrite']), watch);
    t.is(watches.read(), null);
    const waiting = taken(watches, 7, driver);
    writeFileSync(join(path, 'ä'), 'x');
    renameSync(join(path, 'ä'), join(path, 'b'));
    mkdirSync(join(path, 'sub'));
    unlinkSync(join(path, 'b'));
    rmSync(join(path, 'sub'), { recursive: true });
    const events = await waiting;
    t.deepEqual(brief(events), [
      'create ä',
      'closeWrite ä',
      'movedFrom ä',
      'movedTo b',
      'create sub folder',
      'delete b',
      'delete sub folder',
    ]);
    t.true(events.every((event) => event.watch === watch));
    const [from, to] = [events[2]?.cookie, events[3]?.cookie];
    t.true(from !== 0 && from === to);
    watches.close();
  });
}

for (const driver of drivers) {
  test(`read-ahead: one read gives more events than are delivered in one turn, ${driver}`, async (t) => {
    const path = folder(t);
    const watches = inotify();
    watches.add(path, ['create']);
    const names = Array.from({ length: 100 }, (_, index) => `file-${index}`);
    for (const name of names) writeFileSync(join(path, name), '');
    const events = await taken(watches, names.length, driver);
    t.deepEqual(
      events.map(({ name }) => name),
      names,
    );
    watches.close();
  });

  test(`read-ahead: events that a left loop did not take go to the next loop, or to read(), ${driver}`, async (t) => {
    const path = folder(t);
    const watches = inotify();
    watches.add(path, ['create']);
    for (const name of ['a', 'b', 'c', 'd']) writeFileSync(join(path, name), '');
    t.deepEqual(brief(await taken(watches, 1, driver)), ['create a']);
    t.deepEqual(brief(await taken(watches, 1, driver)), ['create b']);
    t.deepEqual(brief(watches.read()), ['create c', 'create d']);
    t.is(watches.read(), null);
    watches.close();
  });

  test(`read-ahead: events that one loop has read wake another loop that waits, ${driver}`, async (t) => {
    const path = folder(t);
    const watches = inotify();
    watches.add(path, ['create']);
    const waits = watches.values({ driver }).next();
    await turn();
    for (const name of ['a', 'b']) writeFileSync(join(path, name), '');
    // This loop reads both events before the event loop turns, so the kernel cannot wake the other one.
    t.deepEqual(brief(await taken(watches, 1, driver)), ['create a']);
    t.is((await waits).value?.name, 'b');
    watches.close();
  });
}

test('inotify: the end of a watch is an event, after remove() and after the file’s removal', (t) => {
  const path = folder(t);
  const watches = inotify();
  const first = watches.add(path, ['create']);
  watches.remove(first);
  t.deepEqual(brief(watches.read()), ['ignored -']);
  t.throws(() => watches.remove(first), { code: 'EINVAL' });
  const file = join(path, 'file');
  writeFileSync(file, '');
  const second = watches.add(file, ['deleteSelf']);
  t.not(second, first);
  unlinkSync(file);
  t.deepEqual(brief(watches.read()), ['deleteSelf -', 'ignored -']);
  const once = watches.add(path, ['create', 'oneshot']);
  writeFileSync(join(path, 'one'), '');
  writeFileSync(join(path, 'two'), '');
  const reported = watches.read();
  t.deepEqual(brief(reported), ['create one', 'ignored -']);
  t.is(reported?.[0]?.watch, once);
  watches.close();
});

exceptIn(['deno'], 'Deno takes paths as text only')(
  'inotify: a name that is not UTF-8 keeps its bytes',
  (t) => {
    const path = folder(t);
    const watches = inotify();
    watches.add(path, ['create', 'onlyDirectory']);
    writeFileSync(Buffer.concat([Buffer.from(`${path}/a`), Buffer.from([0xff])]), '');
    const [event] = watches.read() ?? [];
    t.is(event?.name, 'a\ufffd');
    t.deepEqual([...(event?.nameBytes ?? [])], [0x61, 0xff]);
    watches.close();
  },
);

test('queue-overflow: lost events are reported as an event', (t) => {
  const path = folder(t);
  const limit = Number(readFileSync('/proc/sys/fs/inotify/max_queued_events', 'utf8'));
  const watches = inotify();
  watches.add(path, ['movedFrom', 'movedTo']);
  const [a, b] = [join(path, 'a'), join(path, 'b')];
  writeFileSync(a, '');
  for (let renames = 0; renames < limit / 2 + 10; renames += 2) {
    renameSync(a, b);
    renameSync(b, a);
  }
  let count = 0;
  let last: InotifyEvent | undefined;
  for (let events = watches.read(); events !== null; events = watches.read()) {
    count += events.length;
    last = events.at(-1);
  }
  t.is(count, limit + 1);
  t.like(last, { type: 'overflow', watch: -1, name: undefined, isDirectory: false });
  watches.close();
});

test('bad-input: paths and events', (t) => {
  const watches = inotify();
  for (const path of ['', 'a\0b']) t.throws(() => watches.add(path), { instanceOf: RangeError });
  t.throws(() => watches.add(3 as unknown as string), { instanceOf: TypeError });
  t.throws(() => watches.add('/', ['nothing' as 'create']), { instanceOf: RangeError });
  t.throws(() => watches.add('/', []), { instanceOf: RangeError });
  t.throws(() => watches.add('/', 'create' as unknown as ['create']), { instanceOf: TypeError });
  const missing = t.throws(() => watches.add('/nowhere/at/all'), { code: 'ENOENT' });
  t.like(missing, { syscall: 'inotify_add_watch', path: '/nowhere/at/all', errno: -2 });
  t.throws(() => watches.add('/proc/self/comm', ['create', 'onlyDirectory']), { code: 'ENOTDIR' });
  t.throws(() => watches.add(`/${'x'.repeat(300)}`), { code: 'ENAMETOOLONG' });
  t.throws(() => watches.remove(-1), { instanceOf: RangeError });
  watches.close();
  t.throws(() => watches.add('/'), { code: 'ERR_CLOSED' });
  t.throws(() => watches.read(), { code: 'ERR_CLOSED' });
});
