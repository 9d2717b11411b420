// Waits for one timer. Uses edgepoll/fd alone.
import { timerfd } from 'edgepoll/fd';

async function main() {
  const timer = timerfd();
  timer.set({ after: 1 });
  await timer.readable();
  console.log(`expired ${timer.read()} time`);
  timer.close();
}

void main();
