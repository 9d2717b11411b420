/** A peer that sends again whatever it receives, as soon as it can: `answering PORT`. It ends with its connection. */
import { connect } from 'node:net';

const peer = connect({ port: Number(process.argv[2]), host: '127.0.0.1', noDelay: true });
peer.on('data', (chunk) => peer.write(chunk));
peer.write(Buffer.alloc(64));
