/**
 * Runs one spec file with what stands for ava, under whatever runtime runs this: `run FILE`. The last line is
 * `N passed, N failed`; the exit code is 0 only when all tests ran and held.
 *
 * It must never end well by accident: an error outside a test, a rejection that nobody takes and an event loop that
 * runs dry before the last test are failures. Started by scripts/portable.mjs.
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
    // What repeats without end says nothing new.
    if (outsideTests <= mostShown) console.log(`  ✘ ${kind}\n`, error);
    else process.exit(1);
  };
}

process.on('uncaughtException', outside('an exception outside of every test'));
process.on('unhandledRejection', outside('a rejection that nobody takes'));
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
  // A rejection that nobody takes is announced a turn later.
  await new Promise((turn) => setTimeout(turn, 0));
} catch (error) {
  outside('the file could not be run')(error);
}
done = true;
process.exit(counts.failed > 0 ? 1 : 0);
