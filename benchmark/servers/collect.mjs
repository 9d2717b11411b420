// Preloaded (--import) into servers that run under Node in the idle benchmark: on SIGUSR2, throws the garbage away and
// says `collected`, so that memory is compared without it. Must never be loaded while CPU time is measured.

import { writeSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');

process.on('SIGUSR2', () => {
  collect();
  // Finalizers and weak callbacks of the first pass run between the two; the second takes what they let go.
  setImmediate(() => {
    collect();
    writeSync(1, 'collected\n');
  });
});
