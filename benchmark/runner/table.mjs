// Lays results out as text.

/** Right-aligned columns, the first left-aligned. @param {string[]} head @param {string[][]} rows */
export function table(head, rows) {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column].length)),
  );
  const line = (/** @type {string[]} */ row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]),
      )
      .join('  ');
  return [line(head), ...rows.map(line)].map((text) => `  ${text.trimEnd()}`).join('\n');
}

/** @param {number | undefined} value @param {number} digits */
export const fixed = (value, digits) =>
  value === undefined || !Number.isFinite(value) ? '–' : value.toFixed(digits);
/** @param {number} value */
export const whole = (value) => Math.round(value).toLocaleString('en-US');
/** @param {import('./statistics.mjs').Spread | undefined} ratio */
export const range = (ratio) =>
  ratio ? `${fixed(ratio.median, 2)} (${fixed(ratio.min, 2)}–${fixed(ratio.max, 2)})` : '–';
/** @param {number} share */
const percent = (share) => `${(share * 100).toFixed(0)} %`;

/** With fewer connections, the growth of the heap is not shown: it says nothing about one of them. */
const MANY = 1000;
/** If other processes used the load's CPU in a larger share of windows than this, the table has a remark. */
const DISTURBED = 0.05;

/** @param {import('./echo.mjs').Measured} measured */
export function scenarioTable({ title, unit, connections, summary }) {
  const head = [
    '',
    'CPU µs',
    'user',
    'system',
    '× floor',
    '+ µs',
    '× node-net',
    `${unit}s/s`,
    '× floor',
    'p50 µs',
    'p99 µs',
  ];
  head.push('busy', 'calls', 'instr u', 'instr k', 'B/conn');
  const rows = Object.entries(summary.servers).map(([name, server]) => [
    name,
    fixed(server.cpu_us, 2),
    fixed(server.user_us, 2),
    fixed(server.system_us, 2),
    range(server.to_floor?.cpu),
    fixed(server.to_floor?.cpu_excess_us.median, 2),
    range(server.to_node_net?.cpu),
    whole(server.rate),
    fixed(server.to_floor?.rate.median, 2),
    fixed(server.p50_us, 1),
    fixed(server.p99_us, 1),
    percent(server.busy),
    fixed(server.per_message.syscalls, 2),
    fixed(server.per_message['instructions:u'], 0),
    fixed(server.per_message['instructions:k'], 0),
    connections >= MANY ? whole(server.memory_per_connection) : '–',
  ]);
  return [`${title} (per ${unit})`, table(head, rows), ...remarks(summary)].join('\n');
}

/** Remarks about the machine during the run. @param {import('./summary.mjs').ScenarioSummary} summary */
function remarks({ servers, rounds, steady, speeds, disturbed }) {
  const lines = [];
  if (servers.floor) {
    const what = steady > 0 ? 'the numbers are theirs' : 'so all of them are counted';
    lines.push(`  ${steady} of ${rounds} rounds were steady; ${what}.`);
  }
  for (const { floor_us: time, rounds: count, cpu } of speeds) {
    const ratios = Object.entries(cpu).filter(([name]) => name !== 'floor');
    const text = ratios.map(([name, ratio]) => `${name} ${fixed(ratio, 2)}`).join(', ');
    lines.push(`  The ${count} of them with the floor at ${fixed(time, 2)} µs, × floor: ${text}.`);
  }
  if (disturbed > DISTURBED) {
    lines.push(`  In ${percent(disturbed)} of the windows something else used the load's CPU.`);
  }
  return lines;
}

/** @param {{ connections: number, servers: Record<string, import('./idle.mjs').IdleSummary> }} measured */
export function idleTable({ connections, servers }) {
  const head = ['', 'anonymous B', 'min–max', 'RSS B', 'PSS B', 'wake-ups/s'];
  const rows = Object.entries(servers).map(([name, server]) => [
    name,
    whole(server.anonymous.median),
    `${whole(server.anonymous.min)}–${whole(server.anonymous.max)}`,
    whole(server.rss.median),
    whole(server.pss.median),
    fixed(server.wakeups.median, 1),
  ]);
  return `${whole(connections)} idle connections (memory of the server per connection)\n${table(head, rows)}`;
}

/** @param {import('./bars.mjs').Bar[]} bars */
export function barTable(bars) {
  const rows = bars.map(({ server, scenario, what, value, limit, pass, least }) => [
    `${server} ${scenario}`,
    what,
    fixed(value, 2),
    `${least ? '≥' : '≤'} ${limit}`,
    pass ? 'pass' : Number.isNaN(value) ? 'NOT MEASURED' : 'FAIL',
  ]);
  return `bars\n${table(['', 'what', 'value', 'limit', ''], rows)}`;
}
