// Echo on Deno.listen: one loop per connection that reads into one buffer and writes until everything is sent.
// Started with --v8-flags=--expose-gc, which only the idle benchmark uses.

import { announce } from './listening.mjs';

/** The largest message of the benchmark. A larger buffer would only cost memory. */
const BUFFER = 16 * 1024;

/** @param {Deno.TcpConn} connection */
async function echo(connection) {
  connection.setNoDelay(true);
  const buffer = new Uint8Array(BUFFER);
  try {
    for (;;) {
      const length = await connection.read(buffer);
      if (length === null) break;
      let written = 0;
      while (written < length) written += await connection.write(buffer.subarray(written, length));
    }
  } catch (error) {
    // A peer that resets ends its own connection only.
    if (!(error instanceof Deno.errors.ConnectionReset))
      console.error(`connection failed: ${error.message}`);
  } finally {
    connection.close();
  }
}

const listener = Deno.listen({ hostname: '127.0.0.1', port: 0 });

Deno.addSignalListener('SIGUSR2', () => {
  globalThis.gc();
  console.log('collected');
});

announce(listener.addr.hostname, listener.addr.port, Deno.pid);

for await (const connection of listener) void echo(connection);
