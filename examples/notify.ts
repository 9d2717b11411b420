/**
 * Reports the state of a service to the service manager, as sd_notify(3) does:
 * `npm run --silent example -- notify READY=1 'STATUS=at your service'`.
 *
 * Sends one datagram to $NOTIFY_SOCKET, which is a path or, with a leading @, an abstract name.
 */
import { watch } from 'edgepoll';
import { socket } from 'edgepoll/fd';

import { fail } from './support/end.js';

const states = process.argv.slice(2);
const name = process.env['NOTIFY_SOCKET'];
if (states.length === 0) {
  process.stderr.write('usage: notify NAME=VALUE …\n');
  process.exit(2);
}
if (name === undefined || !/^[/@]./.test(name)) {
  fail('notify', '$NOTIFY_SOCKET must be a path, or @ and an abstract name');
}

const manager = socket('unix', 'dgram');
try {
  manager.connect({ family: 'unix', path: name.replace(/^@/, '\0') });
  // null: the manager's queue is full. The socket is connected, so it becomes writable when there is room again.
  while (manager.send(states.join('\n')) === null) {
    for await (const _ of watch(manager, { writable: true })) break;
  }
} catch (error) {
  fail('notify', error);
} finally {
  manager.close();
}
