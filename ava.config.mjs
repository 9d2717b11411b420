// How ava runs the compiled tests. Without EDGEPOLL_AVA_THREADS each file is a process, and the addon lives on its main
// thread. With EDGEPOLL_AVA_THREADS=1 each file is a worker of one process, one after the other: a child process has the
// descriptors of all threads until it runs its program, so a descriptor that another worker closes would stay open.
import { setFlagsFromString } from 'node:v8';

const inThreads = process.env.EDGEPOLL_AVA_THREADS === '1';

// Tests of lifetimes call gc(). A worker refuses the flag but inherits it from the process.
if (inThreads) setFlagsFromString('--expose-gc');

// Specs that only start programs, which do the same from a thread as from a process.
const ofPrograms = [
  'documents/benchmark-readiness',
  'documents/programs',
  'connections/accept-without-descriptors',
  'epoll/process',
  'documents/examples',
  'documents/examples-descriptors',
  'documents/examples-protocols',
  'fd/broken-pipe',
  'fd/created',
  'process/descriptors',
  'process/stdio',
  'readiness/failed-waits',
  'readiness/late-consumer',
  'packaging/contents',
  'packaging/damaged',
  'packaging/not-loaded',
  'packaging/plugins',
  'process/package',
  'protocols/template',
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
  // Without the result of any test for so long, ava names the pending tests and ends.
  timeout: '5m',
};
