/** Two copies of the package in one process, as two versions in a tree would be: `two-copies PATH PATH DRIVER`. */
import type * as edgepoll from 'edgepoll';
import type { Driver } from 'edgepoll';

type Package = typeof edgepoll;

const [firstPath = '', secondPath = '', driverName] = process.argv.slice(2);
const driver = driverName as Driver;
const host = '127.0.0.1';
const [first, second] = (await Promise.all([import(firstPath), import(secondPath)])) as [
  Package,
  Package,
];

async function roundTrip(serverSide: Package, clientSide: Package, text: string): Promise<string> {
  const server = await serverSide.listen({ host, port: 0, driver });
  void (async () => {
    for await (const connection of server) {
      for await (const chunk of connection) await connection.write(chunk);
    }
  })();
  const client = await clientSide.connect({ host, port: server.address.port, driver });
  await client.end(text);
  let back = '';
  for await (const chunk of client) back += chunk.toString();
  await server.close();
  return back;
}

const back = await Promise.all([
  roundTrip(first, second, 'one'),
  roundTrip(second, first, 'two'),
  roundTrip(second, second, 'three'),
]);
const report = { distinct: first.Connection !== second.Connection, back };
process.stdout.write(`${JSON.stringify(report)}\n`);
