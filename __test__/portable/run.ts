/**
 * Runs one spec file with the stand-in for ava, in any runtime: `run FILE`. The last line of the output is `N passed, N failed`.
 * The exit code is 0 only if all tests ran and passed.
 *
 * An error outside a test, an unhandled rejection, and an event loop that has no more work before the last test are failures.
 */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

import type { Counts } from './ava.js';
import { numberDeclared, runDeclared } from './ava.js';

const limit = 60_000;
const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
let done = false;
const mostShown = 10;
let outsideTests = 0;

function outside(kind: string): (error: unknown) => void {
  return (error) => {
    counts.failed += 1;
    outsideTests += 1;
    // Later errors are most likely repetitions of the first ones.
    if (outsideTests <= mostShown) console.log(`  ✘ ${kind}\n`, error);
    else process.exit(1);
  };
}

process.on('uncaughtException', outside('an exception outside of every test'));
process.on('unhandledRejection', outside('an unhandled rejection'));
process.on('exit', () => {
  if (!done) {
    counts.failed += Math.max(1, numberDeclared() - counts.passed - counts.failed - counts.skipped);
    console.log('  ✘ the process ended before its tests did');
  }
  if (counts.skipped > 0) console.log(`${counts.skipped} skipped`);
  console.log(`${counts.passed} passed, ${counts.failed} failed`);
  if (counts.failed > 0) process.exitCode = 1;
});

const [file = ''] = process.argv.slice(2);
try {
  await import(pathToFileURL(resolve(file)).href);
  if (numberDeclared() === 0) throw new Error(`${file} declares no test`);
  await runDeclared(counts, limit);
  // The runtime reports an unhandled rejection one turn later.
  await new Promise((turn) => setTimeout(turn, 0));
} catch (error) {
  outside('the file could not be run')(error);
}
done = true;
process.exit(counts.failed > 0 ? 1 : 0);
