/**
 * Watches standard input, a terminal or not. `stdio-watcher killed DRIVER` watches output too and is then killed;
 * `stdio-watcher shared DRIVER` reads it by process.stdin meanwhile and prints what comes; `stdio-watcher replaced
 * DRIVER` has it replaced while it is watched, as Node.js does with a terminal when process.stdin is first asked for.
 */
import type { Driver } from 'edgepoll';
import { Poller } from 'edgepoll';

const [mode, driverName] = process.argv.slice(2);
const poller = new Poller({ driver: driverName as Driver });

if (mode === 'killed') {
  poller.register(0, { trigger: 'edge' });
  poller.register(1, { trigger: 'edge', writable: true });
  for await (const event of poller) {
    if (event.fd === 1) process.kill(process.pid, 'SIGKILL');
  }
} else if (mode === 'replaced') {
  poller.register(0);
  const pull = poller[Symbol.asyncIterator]().next();
  const isTerminal = process.stdin.isTTY;
  const ending = await pull.then(
    () => 'told',
    (error: NodeJS.ErrnoException & { fd?: number }) => `${error.code} ${error.fd}`,
  );
  process.stdout.write(`${isTerminal} ${ending} ${poller.size}\n`);
  process.exit(0);
} else {
  // Node.js opens a terminal anew for its own use and puts it under number 0. That has to be over.
  const { stdin } = process;
  poller.register(0);
  process.stdout.write('ready\n');
  const iterator = poller[Symbol.asyncIterator]();
  const told = (await iterator.next()).value;
  process.stdout.write(`told of ${told?.fd}\n`);

  // From here on two look at it, and only one reads.
  const watching = (async () => {
    while ((await iterator.next()).done !== true);
  })();
  let text = '';
  stdin.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    process.stdout.write(chunk);
    // The poller goes, and the stream goes on.
    if (text.includes('second')) poller.close();
    if (!text.includes('third')) return;
    void watching.then(() => process.exit(0));
  });
}
