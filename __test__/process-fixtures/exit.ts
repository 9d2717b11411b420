/** Calls process.exit() in the middle of a phase: `exit PHASE DRIVER FIFO`. */
import type { Driver } from 'edgepoll';

import { phases } from './phases.js';

const [phase = '', driver, fifo = ''] = process.argv.slice(2);
await phases[phase]?.(driver as Driver, fifo, () => process.exit(7));
