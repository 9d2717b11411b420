/**
 * Starts a worker in every phase, terminates each as soon as it is there, and again, until `total` are over.
 * It must never load the addon itself: what the workers leave behind shall have no second user.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { Worker } from 'node:worker_threads';

const [driver, fifo, total, ...names] = process.argv.slice(2);

/** What `read` gives for every entry of a folder of /proc, but for those that vanish meanwhile. */
function each(path: string, read: (entry: string) => string): string[] {
  const found: string[] = [];
  for (const entry of readdirSync(path)) {
    try {
      found.push(read(`${path}/${entry}`));
    } catch (error) {
      // A thread that ended, or the descriptor of the listing itself.
      if (!['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }
  return found;
}

function descriptors(): string[] {
  return each('/proc/self/fd', (entry) => `${entry} ${readlinkSync(entry)}`);
}

function ourThreads(): number {
  const found = each('/proc/self/task', (entry) => readFileSync(`${entry}/comm`, 'utf8'));
  return found.filter((name) => name.trim() === 'edgepoll').length;
}

let mostThreads = 0;

function terminated(phase: string): Promise<string | undefined> {
  const worker = new Worker(new URL('phase-worker.js', import.meta.url), {
    workerData: { phase, driver, fifo },
  });
  return new Promise((resolve) => {
    let ready = false;
    let failure: string | undefined;
    worker.on('message', () => {
      ready = true;
      mostThreads = Math.max(mostThreads, ourThreads());
      void worker.terminate();
    });
    worker.on('error', (error) => (failure = `${phase}: ${String(error)}`));
    worker.on('exit', () => resolve(ready ? failure : (failure ?? `${phase}: ended by itself`)));
  });
}

// A worker without the addon first: what Node.js itself keeps of a worker is there from then on.
await new Promise((resolve) => new Worker('', { eval: true }).on('exit', resolve));
const before = descriptors();
const failures: string[] = [];
let count = 0;
while (count < Number(total)) {
  const results = await Promise.all(names.map((name) => terminated(name)));
  failures.push(...results.filter((result) => result !== undefined));
  count += names.length;
  // Whoever waits for the end sees that it goes on.
  process.stdout.write(`${count}\n`);
}
const after = descriptors();
const report = { count, failures, before, after, mostThreads, threadsLeft: ourThreads() };
process.stdout.write(`${JSON.stringify(report)}\n`);
