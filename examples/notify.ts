/**
 * Tells the service manager how a service does, as sd_notify(3):
 * `npm run --silent example -- notify READY=1 'STATUS=at your service'`.
 *
 * One datagram to $NOTIFY_SOCKET, a path or, with a leading @, an abstract name.
 */
import { watch } from 'edgepoll';
import { socket } from 'edgepoll/fd';

const states = process.argv.slice(2);
const name = process.env['NOTIFY_SOCKET'];
if (states.length === 0) {
  process.stderr.write('usage: notify NAME=VALUE …\n');
  process.exit(2);
}
if (name === undefined || !/^[/@]./.test(name)) {
  process.stderr.write('notify: $NOTIFY_SOCKET names nobody to tell\n');
  process.exit(1);
}

const manager = socket('unix', 'dgram');
try {
  manager.connect({ family: 'unix', path: name.replace(/^@/, '\0') });
  // null: its queue is full. Connected, the socket becomes writable when there is room again.
  while (manager.send(states.join('\n')) === null) {
    for await (const _ of watch(manager, { writable: true })) break;
  }
} finally {
  manager.close();
}
