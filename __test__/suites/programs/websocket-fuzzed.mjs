// A WebSocket client for Autobahn's fuzzing server, whose port is the argument: runs each of its cases, sends each message back, and lets it
// write its report.

import { connect } from 'edgepoll';
import { websocket } from 'edgepoll-websocket';

const port = Number(process.argv[2]);
const count = Number(await first('/getCaseCount'));
for (let at = 1; at <= count; at += 1) {
  await runCase(`/runCase?case=${at}&agent=edgepoll`);
  console.log(`${at} of ${count} cases`);
}
await runCase('/updateReports?agent=edgepoll');
console.log(`${count} cases`);

function open(path) {
  const url = `ws://127.0.0.1:${port}${path}`;
  const protocol = websocket({ url, maxMessage: 32 * 2 ** 20, deflate: { threshold: 0 } });
  return connect({ host: '127.0.0.1', port, maxBufferedAmount: 64 * 2 ** 20, protocol });
}

/** The first text that the server sends. */
async function first(path) {
  for await (const message of await open(path)) if (typeof message === 'string') return message;
  throw new Error(`${path} gave no text`);
}

async function runCase(path) {
  const connection = await open(path);
  try {
    for await (const message of connection) {
      if (typeof message === 'string' || message instanceof Uint8Array)
        await connection.write(message);
    }
  } catch (error) {
    // The server breaks the rules on purpose; its report says whether the answer was right.
    if (error.code === undefined || error.code === 'ERR_PROTOCOL_FAULT') throw error;
  }
}
