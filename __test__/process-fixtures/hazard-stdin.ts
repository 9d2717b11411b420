/** Watches whatever its standard input is: `hazard-stdin DRIVER ENGINE`. Says what was told of it. */
import type { Driver, PollerOptions } from 'edgepoll';
import { watch } from 'edgepoll';

const [driver, engine] = process.argv.slice(2);
const options = {
  driver: driver as Driver,
  engine: engine as NonNullable<PollerOptions['engine']>,
};

let report: unknown;
try {
  for await (const event of watch(0, options)) {
    report = { readable: event.readable, hangup: event.hangup };
    break;
  }
} catch (error) {
  const { code, name, message } = error as NodeJS.ErrnoException;
  report = { code, name, message };
}
process.stdout.write(`${JSON.stringify(report)}\n`);
