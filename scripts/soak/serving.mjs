// Serves the connections of one server in one of two styles. The first byte of a connection says what happens to it.

/** What is sent to a peer that asks for much. */
const much = Buffer.alloc(256 * 1024, 'much');

/** Serves until the server is closed. Calls `closed` with the reason of each connection's end. */
export async function serve(server, style, closed) {
  return style === 'events' ? await serveEvents(server, closed) : await serveLoops(server, closed);
}

async function serveLoops(server, closed) {
  for await (const connection of server) {
    void connection.closed.then(closed);
    void serveOne(connection);
  }
}

async function serveOne(connection) {
  try {
    let isFirst = true;
    for await (const chunk of connection) {
      const answers = isFirst ? begin(connection, chunk) : [chunk];
      isFirst = false;
      for (const answer of answers) await connection.write(answer);
    }
    await connection.end();
  } catch {
    // `closed` has the reason.
  }
}

async function serveEvents(server, closed) {
  const begun = new WeakSet();
  for await (const event of server.events()) {
    const { connection } = event;
    if (event.type === 'data') {
      const answers = begun.has(connection) ? [event.data] : begin(connection, event.data);
      begun.add(connection);
      // A write rejects if its connection closes. The event `close` has the reason.
      for (const answer of answers) connection.write(answer).catch(() => {});
    } else if (event.type === 'end') {
      connection.end().catch(() => {});
    } else if (event.type === 'close') {
      closed(event.reason);
    }
  }
}

/** Does what a connection's first byte asks for. Returns what is to be written. */
function begin(connection, chunk) {
  const kind = String.fromCodePoint(chunk[0]);
  if (kind === 'M') return Array.from({ length: 16 }, () => much);
  if (kind === 'D') connection.destroy();
  if (kind === 'R') connection.reset();
  return kind === 'D' || kind === 'R' ? [] : [chunk];
}
