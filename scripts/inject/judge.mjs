// Judges one run: gives the outcome for the table, and what must not happen.

/** What the outcomes in the tables mean. */
export const meanings = {
  'ends it': 'the connection of the call closes with the error',
  error: 'the program gets the error, and no connection closes',
  'goes on': 'the core makes the call again, or does without it',
  waits: 'the error says something that is not so, and the connection waits until its deadline',
  'not reached': 'the run made fewer calls than one without an error',
};

/** Turns and milliseconds of processor time while nothing happens for 250 ms. */
const mostTurns = 25;
const mostProcessor = 100;

/**
 * Errors that say more than that the call failed, and which strace injects where that is not so:
 * - EAGAIN says that there is nothing to do, and an event comes when there is. ENOTCONN of shutdown says that the peer has reset the
 *   connection. The connection waits for what does not come, until its deadline.
 * - EINPROGRESS and EINTR of connect say that the kernel goes on connecting. The connect then ends without a peer: ENOTCONN.
 */
const waiting = new Set([
  'accept4 EAGAIN',
  'recvfrom EAGAIN',
  'sendmsg EAGAIN',
  'sendto EAGAIN',
  'shutdown ENOTCONN',
]);
const otherwise = { 'connect EINPROGRESS': 'ENOTCONN', 'connect EINTR': 'ENOTCONN' };

/** Whether a connection may wait for what does not come. strace does not carry out the close that it makes fail. */
export function mayWait(call, errno) {
  return waiting.has(`${call} ${errno}`) || call === 'close';
}

/** Judges a run of `runTraced` with `call` failing by `errno`. Returns `{ outcome, failures }`. */
export function judge({ call, errno, found, injected }) {
  const waits = mayWait(call, errno);
  const failures = [...processFailures(found), ...reportFailures(call, waits, found.report)];
  const code = otherwise[`${call} ${errno}`] ?? errno;
  const hit = found.faults.filter(({ port }) => injected.ports.includes(port));
  const others = found.faults.filter(({ port }) => !injected.ports.includes(port));
  // It cannot be known to whom an accept belongs, or a descriptor whose peer is gone.
  const late = others.filter(({ what }) => what.startsWith('no end'));
  const isOfNobody =
    waits && injected.ports.length === 0 && others.length === 1 && late.length === 1;
  if (!isOfNobody) {
    for (const { kind, what } of others) failures.push(`another connection (${kind}): ${what}`);
  }
  const errors = found.report?.errors ?? [];
  const opened = (found.report?.outcomes ?? []).filter((outcome) => !/^\d+ Ended$/.test(outcome));
  if (opened.length > 1) failures.push(`several connections that were opened: ${opened}`);
  const closes = [...opened, ...errors.filter((error) => error.startsWith('close '))];
  const isCoded = closes.some((text) => text.includes(code));
  if ((hit.length > 0 || opened.length > 0) && !isCoded && !waits) {
    failures.push(`the connection ends without ${code}: ${hit[0]?.what ?? opened[0]}`);
  }
  const isReported = errors.some((error) => error.includes(code) && !error.startsWith('close '));
  if (failures.length > 0) return { outcome: 'FAILED', failures };
  if (isCoded) return { outcome: 'ends it', failures };
  if (hit.length > 0 || opened.length > 0 || isOfNobody) return { outcome: 'waits', failures };
  return { outcome: isReported ? 'error' : 'goes on', failures };
}

/** Judges a run of the part without connections: the call that failed gives one error, with its code, or another call does the work. */
export function judgeDescriptors({ call, errno, found }) {
  const failures = processFailures(found);
  const { errors, left } = found.report ?? { errors: [], left: 0 };
  if (found.report === undefined) failures.push('there is no report');
  if (left !== 0 && !(call === 'close' && left === 1))
    failures.push(`${left} descriptors are left`);
  if (errors.length > 1) failures.push(`several errors: ${errors}`);
  if (errors.some((error) => !error.includes(errno))) failures.push(`no ${errno}: ${errors}`);
  if (failures.length > 0) return { outcome: 'FAILED', failures };
  return { outcome: errors.length > 0 ? 'error' : 'goes on', failures };
}

function processFailures({ code, signal, hung, stderr }) {
  if (hung) return ['it hangs'];
  if (code !== 0 || signal !== null) return [`it crashes: ${signal ?? `code ${code}`} ${stderr}`];
  return stderr === '' ? [] : [`it wrote ${stderr}`];
}

function reportFailures(call, waits, report) {
  if (report === undefined) return ['there is no report'];
  const { turns, processor, open, accepted, closed, left, outcomes } = report;
  const failures = [];
  // A connection that makes the program end is also what a waiting one waited for.
  if (turns > mostTurns && !waits) failures.push(`it spins: ${turns} turns while nothing happens`);
  if (processor > mostProcessor) failures.push(`it spins: ${processor} ms of processor time`);
  if (open !== 0) failures.push(`${open} connections are open at the end`);
  const refused = outcomes.filter(
    (outcome) => /Failure \{/.test(outcome) && !/Failed/.test(outcome),
  );
  if (accepted + outcomes.length - refused.length !== closed) {
    failures.push(`${accepted} accepted, ${outcomes.length} opened, ${closed} closed`);
  }
  // strace does not carry out the close that it makes fail.
  const mayStay = call === 'close' ? 1 : 0;
  if (left < 0 || left > mayStay) failures.push(`${left} descriptors are left`);
  return failures;
}
