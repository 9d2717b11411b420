// What runs with a fault in the copy: `[program, arguments]`.

import { fileURLToPath } from 'node:url';

const cargo = (rest) => [
  'cargo',
  ['test', '--offline', '--no-fail-fast', '-p', ...rest.split(' ')],
];

/** The tests of the core that look for faults. The simulation runs some thousand seeds. */
export const core = cargo('edgepoll --test simulation --test hazards_simulated');

/** The tests of the inbox, whose JavaScript host can refuse memory. */
export const memory = cargo('edgepoll-node --test memory');

/** The tests of single files, and of system calls on Linux. */
export const unit = cargo('edgepoll --lib');

/** The tests of framings, with bytes that are written out. */
export const framings = cargo('edgepoll --test framings');

export const busyPoll = cargo('edgepoll --test busy_poll');
export const readiness = cargo('edgepoll --test readiness');

const script =
  (name) =>
  (...args) => [process.execPath, [fileURLToPath(new URL(name, import.meta.url)), ...args]];

/** Tests of a spec with the addon of the copy: the spec, and how the titles begin of the tests, of which one must fail. */
export const native = script('native.mjs');

/** Tests of a spec with the package of the copy. */
export const packaged = script('package.mjs');
