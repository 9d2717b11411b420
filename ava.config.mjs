// How ava runs the compiled tests. One job: the suite in two settings, chosen by
// EDGEPOLL_AVA_THREADS: unset, each file is a process and the addon lives on its main thread;
// set to 1, each file is a worker of one process, and the addon sees one environment after the other. Not two at once: a
// child that one of them starts has the other's descriptors until it runs its program, so that what is closed is not.
import { setFlagsFromString } from 'node:v8';

const inThreads = process.env.EDGEPOLL_AVA_THREADS === '1';

// Tests of lifetimes call gc(). A worker refuses the flag but takes it over from the process.
if (inThreads) setFlagsFromString('--expose-gc');

// Their tests only start programs of their own, which do the same from a thread as from a process.
const ofPrograms = [
  'documents/benchmark-readiness',
  'documents/programs',
  'connections/accept-without-descriptors',
  'epoll/process',
  'documents/examples',
  'documents/examples-descriptors',
  'fd/broken-pipe',
  'fd/created',
  'process/descriptors',
  'process/stdio',
  'readiness/failed-waits',
  'readiness/late-consumer',
  'process/package',
  'readiness/scale',
  'internal/replaced-globals',
];

export default {
  files: [
    'build/__test__/**/*.spec.js',
    ...(inThreads ? ofPrograms.map((name) => `!build/__test__/${name}.spec.js`) : []),
  ],
  workerThreads: inThreads,
  nodeArguments: inThreads ? [] : ['--expose-gc'],
  concurrency: inThreads ? 1 : 2,
  timeout: '60s',
};
