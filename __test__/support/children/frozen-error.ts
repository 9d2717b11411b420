// The peer resets a connection in a process whose `Error` is frozen. Prints the error's code and Error.stackTraceLimit.
import { once } from 'node:events';
import { connect } from 'node:net';

import { listen } from 'edgepoll';

Object.freeze(Error);
const server = await listen({ port: 0, host: '127.0.0.1' });
const peer = connect(server.address.port, '127.0.0.1');
await once(peer, 'connect');
const { value: connection } = await server[Symbol.asyncIterator]().next();
peer.resetAndDestroy();
const { error } = (await connection?.closed) ?? {};
server.destroy();
console.log(JSON.stringify([(error as NodeJS.ErrnoException).code, Error.stackTraceLimit]));
