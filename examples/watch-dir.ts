/** Prints a line for each change in a folder: `npm run --silent example -- watch-dir DIR`. Ctrl-C ends it. */
import { inotify } from 'edgepoll/fd';

import { fail } from './support/end.js';

const [path, ...others] = process.argv.slice(2);
if (path === undefined || others.length > 0) {
  process.stderr.write('usage: watch-dir DIR\n');
  process.exit(2);
}

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort());

const changes = inotify();
try {
  changes.add(path, [
    'create',
    'delete',
    'closeWrite',
    'attributes',
    'movedFrom',
    'movedTo',
    'deleteSelf',
    'moveSelf',
    'onlyDirectory',
  ]);
} catch (error) {
  fail('watch-dir', error);
}
process.stdout.write(`watching ${path} pid ${process.pid}\n`);

try {
  for await (const { type, name, isDirectory } of changes.values({ signal: stop.signal })) {
    // The folder was deleted, which ends the watch.
    if (type === 'ignored') break;
    // A name may contain line ends. It is quoted, so that each change is one line.
    const what = name === undefined ? '' : ` ${JSON.stringify(name)}${isDirectory ? '/' : ''}`;
    process.stdout.write(`${type}${what}\n`);
  }
} catch (error) {
  if (!stop.signal.aborted) throw error;
} finally {
  changes.close();
}
