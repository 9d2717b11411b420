/**
 * A descriptor that hangs up for ever beside one that stays silent, and a consumer that waits for the silent one, for
 * a second between two marks for strace: `hazard-latched DRIVER TRIGGER FIFO FIFO`. Says what was told.
 */
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { setTimeout as second } from 'node:timers/promises';

import type { Driver, Trigger } from 'edgepoll';
import { Poller } from 'edgepoll';

import { mark } from './mark.js';

const [driver, trigger, hanging = '', silent = ''] = process.argv.slice(2);
const { O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } = constants;

const reader = openSync(hanging, O_RDONLY | O_NONBLOCK);
const writer = openSync(hanging, O_WRONLY | O_NONBLOCK);
const other = openSync(silent, O_RDWR | O_NONBLOCK);
const poller = new Poller<string | undefined>({ driver: driver as Driver });
poller.register(reader, { data: 'hanging', trigger: trigger as Trigger });
poller.register(other, { data: 'silent' });
const iterator = poller[Symbol.asyncIterator]();
const told: string[] = [];

closeSync(writer);
const first = await iterator.next();
told.push(`${first.value?.data} ${first.value?.hangup}`);
// Level: nobody asks. Edge and oneshot: somebody does, and is not disturbed.
const waiting = trigger === 'level' ? undefined : iterator.next();
mark('begin');
await second(1000);
mark('end');
if (waiting !== undefined) {
  writeSync(other, 'x');
  told.push(String((await waiting).value?.data));
}
poller.close();
process.stdout.write(`${JSON.stringify(told)}\n`);
