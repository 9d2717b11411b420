// Preloaded (--import) into servers under Node.js in the idle benchmark: on SIGUSR2 it collects the garbage and prints
// `collected`. Not loaded while CPU time is measured.

import { writeSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');

process.on('SIGUSR2', () => {
  collect();
  // Finalizers of the first collection run in between; the second one frees what they released.
  setImmediate(() => {
    collect();
    writeSync(1, 'collected\n');
  });
});
