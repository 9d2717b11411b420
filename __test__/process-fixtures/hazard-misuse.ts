/**
 * Everything that is no descriptor to watch, given to register() and watch() by every engine between two marks for
 * strace: `hazard-misuse DRIVER FIFO`. Says how each was refused, by the value as it was shown.
 */
import { constants, openSync } from 'node:fs';

import type { Driver, PollerOptions } from 'edgepoll';
import { Poller, watch } from 'edgepoll';

import { mark } from './mark.js';

const [driverName, fifo = ''] = process.argv.slice(2);
const driver = driverName as Driver;
const { O_NONBLOCK, O_RDWR } = constants;

async function refusal(attempt: () => unknown): Promise<string> {
  try {
    await attempt();
    return 'none';
  } catch (error) {
    const { name, code, message } = error as NodeJS.ErrnoException;
    return `${name} ${code}: ${message}`;
  }
}

const good = openSync(fifo, O_RDWR | O_NONBLOCK);

const values: unknown[] = [
  Number.NaN,
  -1,
  -0.5,
  1.5,
  2 ** 31,
  2 ** 32,
  2 ** 32 + good,
  2 ** 53,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  String(good),
  '',
  BigInt(good),
  true,
  null,
  undefined,
  Symbol('3'),
  [good],
  [],
  {},
  () => good,
  1_000_000,
  { fd: Number.NaN },
  { fd: -1 },
  { fd: 2 ** 32 + good },
  { fd: String(good) },
  { fd: null },
  { fd: { fd: good } },
  { fd: 1_000_000 },
];
const options: unknown[] = [
  5,
  'edge',
  null,
  { readable: 1 },
  { writable: 'no' },
  { priority: null },
  { readHangup: 0 },
  { trigger: 'once' },
  { trigger: 1 },
  { trigger: '' },
  { trigger: null },
  { exclusive: 1 },
  { wakeup: 'x' },
  { duplicate: 1 },
  { exclusive: true, trigger: 'oneshot' },
  { exclusive: true, trigger: 'edge-oneshot' },
  { exclusive: true, readHangup: true },
];

const shown = (value: unknown): string => {
  const inner =
    typeof value === 'object' && value !== null ? (value as { fd?: unknown }).fd : value;
  return typeof inner === 'object' && inner !== null
    ? Object.prototype.toString.call(inner)
    : typeof inner === 'function'
      ? 'a function'
      : typeof inner === 'string'
        ? `'${inner}'`
        : String(inner);
};

const report: Record<string, [string, string][]> = { descriptors: [], options: [], engines: [] };
const pollers = (['epoll', 'poll', 'select'] as const).map((engine) => ({
  engine,
  poller: new Poller<string | undefined>({ driver, engine }),
}));

mark('begin');
for (const { poller } of pollers) {
  for (const value of values)
    report['descriptors']?.push([
      shown(value),
      await refusal(() => poller.register(value as number)),
    ]);
  for (const value of options)
    report['options']?.push([
      JSON.stringify(value),
      await refusal(() => poller.register(good, value as never)),
    ]);
}
for (const { engine, poller } of pollers) {
  if (engine === 'epoll') continue;
  for (const value of [
    { trigger: 'edge' },
    { trigger: 'edge-oneshot' },
    { exclusive: true },
    { wakeup: true },
  ] as const)
    report['engines']?.push([engine, await refusal(() => poller.register(good, value))]);
}
mark('end');
const watched: [string, string][] = [];
for (const value of values)
  watched.push([
    shown(value),
    await refusal(async () => {
      for await (const event of watch(value as number, { driver })) return event;
      return undefined;
    }),
  ]);
const sizes = pollers.map(({ poller }) => poller.size);
for (const { poller } of pollers) {
  poller.register(good, { data: 'good', writable: true });
  const [event] = await poller.poll();
  if (event?.data !== 'good') throw new Error('the good one does not work any more');
  poller.close();
}
const engineOptions: { engine: unknown; maxEvents?: unknown }[] = [
  { engine: 'kqueue' },
  { engine: 1 },
  { engine: null },
  { engine: 'epoll', maxEvents: 0 },
  { engine: 'poll', maxEvents: 1.5 },
];
const constructed: [string, string][] = [];
for (const value of engineOptions)
  constructed.push([
    JSON.stringify(value),
    await refusal(() => new Poller({ driver, ...value } as PollerOptions)),
  ]);
process.stdout.write(`${JSON.stringify({ ...report, watched, constructed, sizes })}\n`);
