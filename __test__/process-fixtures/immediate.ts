/**
 * A thousand events by the driver's thread beside a setImmediate that somebody replaced: `immediate global|module
 * never|twice|at-once|throws`. `global`: the global one, after the import; `module`: that of node:timers, before it.
 */
import { createRequire, syncBuiltinESMExports } from 'node:module';
import * as timers from 'node:timers';
import { setImmediate as turn } from 'node:timers/promises';

// The import itself follows what is replaced.
const { setImmediate: genuine } = timers;
const [where, what = ''] = process.argv.slice(2);
let [events, called, thrown] = [0, 0, 0];
process.on('uncaughtException', (error) => {
  if (error.message !== 'no immediate') throw error;
  thrown += 1;
});

const given: (() => void)[] = [];
const behaviours: Record<string, (callback: () => void) => void> = {
  never: () => {},
  twice: (callback) => {
    genuine(callback);
    genuine(callback);
  },
  'at-once': (callback) => callback(),
  throws: () => {
    throw new Error('no immediate');
  },
};

function setImmediate(callback: () => void): void {
  called += 1;
  given.push(callback);
  behaviours[what]?.(callback);
}

function replaceInModule(by: unknown): void {
  Object.assign(createRequire(import.meta.url)('node:timers') as object, { setImmediate: by });
  syncBuiltinESMExports();
}

if (where === 'module') replaceInModule(setImmediate);
const { Poller } = await import('edgepoll');
const { pipe } = await import('edgepoll/fd');
// Node.js itself uses it as well.
if (where === 'module') replaceInModule(genuine);
if (where === 'global') Object.assign(globalThis, { setImmediate });

const { reader, writer } = pipe();
const space = new Uint8Array(8);
const poller = new Poller({ driver: 'thread' });
poller.register(reader);
writer.write('x');
for await (const { readable } of poller) {
  if (readable) reader.read(space);
  events += 1;
  if (events === 1000) break;
  writer.write('x');
}
// Whoever kept what it was given may call it at any time.
for (const callback of given) callback();
for (let turns = 0; turns < 10; turns += 1) {
  await turn();
  globalThis.gc?.();
}
for (const callback of given) callback();
reader.close();
writer.close();
process.stdout.write(`${JSON.stringify({ events, called: called > 0, thrown: thrown > 0 })}\n`);
