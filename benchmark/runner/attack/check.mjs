// What a short attack finds wrong. Latencies are not judged: a machine that tests has other work too.

import { total } from './bars.mjs';

/** @param {import('./attack.mjs').Attacked} attacked @returns {string | undefined} */
export function faultOf(attacked) {
  const { server, phases, descriptors, hostile, stats } = attacked;
  const findings = [];
  const cut = total(attacked, 'cut');
  if (cut > 0) findings.push(`${cut} well-behaved clients were cut`);
  const failed = total(attacked, 'fresh_failed');
  if (failed > 0) findings.push(`${failed} fresh connections got no reply`);
  if (descriptors.after !== descriptors.before)
    findings.push(
      `${descriptors.before} descriptors before, ${descriptors.after} after all clients had left`,
    );
  if (Number(stats.open ?? 0) !== 0) findings.push(`${Number(stats.open)} connections stay open`);
  for (const [kind, { opened, clients }] of Object.entries(hostile))
    if (opened < clients)
      findings.push(`only ${opened} of ${clients} clients of the kind ${kind} connected`);
  if (phases.attack.lines.count === 0) findings.push(`no line was answered`);
  return findings.length > 0 ? `${server}: ${findings.join('; ')}` : undefined;
}
