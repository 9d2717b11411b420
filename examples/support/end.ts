/** How an example ends when it cannot go on: with one line on stderr, without a stack. */

/** The arguments are wrong: prints why and how the example is used, and exits with status 2. */
export function refuse(name: string, reason: unknown, usage: string): never {
  process.stderr.write(`${name}: ${messageOf(reason)}\nusage: ${usage}\n`);
  process.exit(2);
}

/** Something failed, such as a file that does not exist: prints it, and exits with status 1. */
export function fail(name: string, reason: unknown): never {
  process.stderr.write(`${name}: ${messageOf(reason)}\n`);
  process.exit(1);
}

/** Calls `refuse()` for a TypeError or RangeError, which a check of an argument throws, and `fail()` for any other error. */
export function stop(name: string, reason: unknown, usage: string): never {
  if (reason instanceof TypeError || reason instanceof RangeError) refuse(name, reason, usage);
  fail(name, reason);
}

function messageOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}
