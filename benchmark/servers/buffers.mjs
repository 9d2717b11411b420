// Serves what the first byte of a connection says: U receives everything, D sends without end, N receives nothing more, and S receives 8 MiB and then nothing. The argument is
// JSON with the options of listen().

import { listen } from 'edgepoll';

const options = JSON.parse(process.argv[2] ?? '{}');
const server = await listen({ host: '0.0.0.0', port: 7000, ...options });
console.log('listening on 0.0.0.0:7000');
const chunk = Buffer.alloc(65_536, 'x');

const [D, N, S] = Buffer.from('DNS');
const SWELL = 8 * 1024 * 1024;

/** @param {import('edgepoll').Connection} connection */
async function serve(connection) {
  const what = (await connection.read())?.[0];
  if (what === D) for (;;) await connection.write(chunk);
  const most = what === N ? 0 : what === S ? SWELL : Infinity;
  while (connection.bytesRead < most) if ((await connection.read()) === null) return;
  connection.pause();
}

for await (const connection of server) serve(connection).catch(() => connection.destroy());
