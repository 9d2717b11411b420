// GET, SET and PING answered in Rust: the example `store` of edgepoll-resp. JavaScript gets all other commands.

import path from 'node:path';
import { listen } from 'edgepoll';
import { announce } from './listening.mjs';

const addon = { exports: /** @type {{ store?: () => object }} */ ({}) };
const target = process.env.CARGO_TARGET_DIR ?? path.join(import.meta.dirname, '../../target');
process.dlopen(addon, path.join(target, 'release/examples/libstore.so'));

/** @type {import('edgepoll').Protocol<number, string>} */
const protocol = {
  name: 'store',
  native: /** @type {() => object} */ (addon.exports.store)(),
  decode: ({ kind }) => kind,
  encode: (reply, writer) => writer.text(reply),
};

const server = await listen({ host: '127.0.0.1', port: 0, protocol });
const { address, port } = server.address;
announce(address, port, process.pid);
for await (const event of server.events()) {
  if (event.type === 'data') void event.connection.write('-ERR unknown command\r\n');
}
