/**
 * Each operation twice, the first time refused by strace: `hazard-errno DRIVER FIFO OTHER`, where only calls on FIFO
 * are spoiled. Says how each refusal looked, and that everything went on.
 */
import { constants, openSync, readSync, writeSync } from 'node:fs';

import type { Driver } from 'edgepoll';
import { EdgepollError, Poller } from 'edgepoll';

const [driver, fifo = '', other = ''] = process.argv.slice(2);
const { O_NONBLOCK, O_RDWR } = constants;

interface Refusal {
  ours: boolean;
  code: unknown;
  errno: unknown;
  syscall: unknown;
  fd: unknown;
  message: string;
}

function refusal(attempt: () => unknown): Refusal | undefined {
  try {
    attempt();
    return undefined;
  } catch (error) {
    const { code, errno, syscall, message, fd } = error as NodeJS.ErrnoException & { fd?: number };
    return { ours: error instanceof EdgepollError, code, errno, syscall, fd, message };
  }
}

const fd = openSync(fifo, O_RDWR | O_NONBLOCK);
const bystander = openSync(other, O_RDWR | O_NONBLOCK);
const poller = new Poller<string>({ driver: driver as Driver });
poller.register(bystander, { data: 'bystander' });

/** What the poller tells of both, which are ready. No wait: one asks epoll_ctl whether they are still open. */
async function told(): Promise<string[]> {
  const found = new Set<string>();
  writeSync(fd, 'x');
  writeSync(bystander, 'x');
  for (const { data } of await poller.poll({ timeout: 0 })) found.add(data);
  for (const one of [fd, bystander]) readSync(one, Buffer.alloc(1));
  return ['again', 'bystander', 'first', 'second', 'refused', 'changed'].filter((name) =>
    found.has(name),
  );
}

const refusals: Record<string, Refusal | undefined> = {};
refusals['register'] = refusal(() => poller.register(fd, { data: 'refused' }));
const sizes = [poller.size];
const afterRefusal = await told();

const registration = poller.register(fd, { data: 'first' });
refusals['modify'] = refusal(() => registration.modify({ trigger: 'oneshot', data: 'changed' }));
sizes.push(poller.size);
const afterModifyRefused = { told: await told(), active: registration.active };
registration.modify({ trigger: 'oneshot', data: 'second' });
const modified = await told();
refusals['rearm'] = refusal(() => registration.rearm());
const afterRearmRefused = await told();
registration.rearm();
const rearmed = await told();
registration.unregister();
sizes.push(poller.size);
const unregistered = await told();
poller.register(fd, { data: 'again' });
const again = await told();
poller.close();

const report = {
  fd,
  refusals,
  sizes,
  afterRefusal,
  afterModifyRefused,
  modified,
  afterRearmRefused,
  rearmed,
  unregistered,
  again,
};
process.stdout.write(`${JSON.stringify(report)}\n`);
