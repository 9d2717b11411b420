/**
 * For programs that ask what keeps a process alive. One job: say that this one lives although nothing should hold it,
 * or let go what does. It must never hold the process itself, nor take a machine that stands still for somebody who holds
 * it: each of its looks is a turn of the loop, and what ends needs only a few.
 */
export type Release = (() => unknown) | void;

const LOOKS = 15;

/** After a second and a half in which the loop went on, says so; then calls `release`, or ends without one. */
export function tellWhetherItLives(release: Release): void {
  let looks = 0;
  const timer = setInterval(() => {
    looks += 1;
    if (looks < LOOKS) return;
    clearInterval(timer);
    process.stdout.write('lives\n');
    if (release === undefined) process.exit(3);
    release();
  }, 100);
  timer.unref();
}
