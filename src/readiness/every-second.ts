/**
 * One timer of the thread's for all that has to be asked once a second: a loop that sleeps is woken once for all of them.
 *
 * It must never keep the process alive, nor run while nobody asks. Used by poller.ts.
 */
import { clearInterval, setInterval } from 'node:timers';

const SECOND = 1000;

/** Each gives false when it has nothing more to ask. */
const questions = new Set<() => boolean>();
let timer: NodeJS.Timeout | undefined;

function askAll(): void {
  for (const question of questions) if (!question()) forget(question);
}

/** Asks from here on, until the question gives false or is forgotten. Twice is once. */
export function everySecond(question: () => boolean): void {
  questions.add(question);
  if (timer !== undefined) return;
  timer = setInterval(askAll, SECOND);
  timer.unref();
}

/** Asks no more. */
export function forget(question: () => boolean): void {
  questions.delete(question);
  if (questions.size > 0) return;
  clearInterval(timer);
  timer = undefined;
}
