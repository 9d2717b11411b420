// How ava runs the compiled tests. One job: the same suite in two settings, chosen by
// EDGEPOLL_AVA_THREADS: unset, each file is a process and the addon lives on its main thread;
// set to 1, each file is a worker of one process, so several environments share the addon.
import { setFlagsFromString } from 'node:v8';

const inThreads = process.env.EDGEPOLL_AVA_THREADS === '1';

// Tests of lifetimes call gc(). A worker refuses the flag but takes it over from the process.
if (inThreads) setFlagsFromString('--expose-gc');

export default {
  files: ['build/__test__/**/*.spec.js'],
  workerThreads: inThreads,
  nodeArguments: inThreads ? [] : ['--expose-gc'],
  concurrency: 2,
  timeout: '60s',
};
