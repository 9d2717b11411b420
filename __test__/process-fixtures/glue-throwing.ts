/**
 * What our own code throws inside a delivery, or leaves behind: `glue-throwing DRIVER FIFO`. The glue is called as src/readiness/poller.ts
 * calls it, with a function that throws. Says what the process was told of, and whether events go on.
 */
import { constants, openSync, writeSync } from 'node:fs';

interface Binding {
  register(fd: number, interest: number, duplicate: boolean): unknown;
  want(): void;
  ref(): void;
  close(): void;
}
type Deliver = (count: number) => void;
type Make = new (driver: string, engine: string, records: Int32Array, deliver: Deliver) => Binding;

const [driver = '', fifo = ''] = process.argv.slice(2);
const url = new URL('../native/binding.js', import.meta.resolve('edgepoll')).href;
const { PollerBinding } = (await import(url)) as { PollerBinding: Make };
const EPOLLIN = 1;

const told: string[] = [];
let delivered = 0;
process.on('uncaughtException', ({ message }) => {
  told.push(message);
  if (told.length < 3) binding.want();
  else binding.close();
});
const binding = new PollerBinding(driver, 'epoll', new Int32Array(4), () => {
  delivered += 1;
  throw new Error(`thrown by delivery ${delivered}`);
});
const fd = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
writeSync(fd, 'x');
binding.register(fd, EPOLLIN, false);
binding.ref();
binding.want();
process.on('exit', () => process.stdout.write(JSON.stringify(told)));
