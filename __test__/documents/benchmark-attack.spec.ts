// What the benchmark of attacks understands, computes and draws. Nothing is attacked here; `npm test` has a check for that.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import test from 'ava';

import { root } from '../support/process.js';

interface Latency {
  count: number;
  p50: number;
  p99: number;
  max: number;
}

interface Phase {
  name: string;
  begin: number;
  lines: Latency;
  fresh: Latency;
  cut: number;
  fresh_failed: number;
  causes: Record<string, number>;
}

interface Attacked {
  server: string;
  kinds: string[];
  clients: number;
  phases: Record<string, Phase>;
  usage: Record<string, { cpu: number; rss: number; tcp: number }>;
  kernel: { attack: number; after: number };
  descriptors: { before: number; peak: number; after: number };
  stats: Record<string, unknown>;
  hostile: Record<string, Record<string, number>>;
  latencies: { at: number; lines: Latency; fresh: Latency; fresh_failed: number }[];
  resources: { at: number; cpu: number; rss: number; tcp: number }[];
}

interface Bar {
  server: string;
  what: string;
  value: number;
  pass: boolean;
}

interface Chart {
  name: string;
  option: { series: { name: string; data: unknown[] }[] };
}

interface Runner {
  parseOptions: (argv: string[]) => Record<string, unknown> | undefined;
  judge: (all: Attacked[]) => Bar[];
  faultOf: (attacked: Attacked) => string | undefined;
  timeChart: (name: string, text: string, all: Attacked[]) => Chart;
  kindChart: (text: string, all: Attacked[]) => Chart;
  attackTable: (title: string, all: Attacked[]) => string;
  USAGE: string;
}

const files = ['options', 'bars', 'check', 'charts', 'table'];

/** Loads the benchmark's modules. They are plain JavaScript, which is not compiled with the tests. */
async function runner(): Promise<Runner> {
  const urls = files.map((name) =>
    pathToFileURL(join(root, `benchmark/runner/attack/${name}.mjs`)),
  );
  const modules = await Promise.all(urls.map(({ href }) => import(href) as Promise<object>));
  return Object.assign({}, ...modules) as Runner;
}

const latency = (p99: number): Latency => ({ count: 100, p50: p99 / 4, p99, max: p99 * 2 });

const phase = (name: string, begin: number, p99: number): Phase => ({
  name,
  begin,
  lines: latency(p99),
  fresh: latency(2 * p99),
  cut: 0,
  fresh_failed: 0,
  causes: {},
});

/** An attack that the server has stood. */
function attacked(server: string, p99: number, kinds = ['mute', 'flood']): Attacked {
  const usage = { cpu: 0.2, rss: 100 * 2 ** 20, tcp: 2 ** 20 };
  return {
    server,
    kinds,
    clients: 10,
    phases: {
      calm: phase('calm', 0, 1),
      attack: phase('attack', 5, p99),
      settle: phase('settle', 10, 1),
      after: phase('after', 12, 1),
    },
    usage: { calm: usage, attack: usage, settle: usage, after: usage, last: usage },
    kernel: { attack: 2 ** 20, after: 0 },
    descriptors: { before: 20, peak: 30, after: 20 },
    stats: { open: 0, firstByteTimeouts: 3 },
    hostile: { mute: { clients: 5, opened: 8 }, flood: { clients: 5, opened: 5 } },
    latencies: [0, 5, 10].map((at) => ({
      at,
      lines: latency(p99),
      fresh: latency(p99),
      fresh_failed: 0,
    })),
    resources: [0, 5, 10].map((at) => ({ at, cpu: 0.2, rss: usage.rss, tcp: usage.tcp })),
  };
}

test('attack: the options and their bounds', async (t) => {
  const { parseOptions } = await runner();
  t.like(parseOptions([]), { clients: 10_000, seconds: 60, each: false, deadlines: undefined });
  t.like(parseOptions(['--each']), { clients: 2000, seconds: 20, each: true, deadlines: 5000 });
  t.like(parseOptions(['--kind', 'mute', '--only', 'rust,bun']), {
    kinds: ['mute'],
    only: ['rust', 'bun'],
  });
  t.like(parseOptions(['--check']), { only: ['edgepoll-events', 'edgepoll-connection'] });
  t.deepEqual(parseOptions(['--kind', 'mixed'])?.kinds, parseOptions([])?.kinds);
  t.is(parseOptions(['--help']), undefined);
  for (const argv of [
    ['--clients', '0'],
    ['--clients', '1.5'],
    ['--clients', ''],
    ['--clients', '18001'],
    ['--seconds', '-1'],
    ['--deadlines', 'x'],
    ['--kind', 'nonsense'],
    ['--only', 'nonsense'],
    ['--cpus', '1'],
    ['--nonsense'],
    ['nonsense'],
  ])
    t.throws(() => parseOptions(argv), undefined, argv.join(' '));
});

test('attack: the kinds are those of the hostile clients', async (t) => {
  const { parseOptions } = await runner();
  const source = readFileSync(join(root, 'benchmark/src/bin/hostile/kind.rs'), 'utf8');
  const variants = /pub\(crate\) enum Kind \{([^}]*)\}/.exec(source)?.[1] ?? '';
  const names = [...variants.matchAll(/^ {4}(\w+),$/gm)].map(([, name = '']) =>
    name.replaceAll(/(?<!^)[A-Z]/g, (letter) => `-${letter}`).toLowerCase(),
  );
  t.deepEqual(names, parseOptions([])?.kinds as string[]);
});

test('attack: latencies are compared with those of the plain server', async (t) => {
  const { judge } = await runner();
  const bars = judge([
    attacked('rust', 2),
    attacked('edgepoll-events', 5),
    attacked('node-net', 99),
  ]);
  t.true(bars.every(({ server, pass }) => server === 'edgepoll-events' && pass));
  t.is(bars.find(({ what }) => what === 'p99, × rust')?.value, 2.5);
  const late = judge([attacked('rust', 2), attacked('edgepoll-events', 6.1)]);
  t.deepEqual(
    late.filter(({ pass }) => !pass).map(({ what }) => what),
    ['p99, × rust', 'fresh p99, × rust'],
  );
  // Without the plain server there is nothing to compare with.
  const alone = judge([attacked('edgepoll-events', 2)]);
  t.like(
    alone.find(({ what }) => what === 'p99, × rust'),
    { value: Number.NaN, pass: false },
  );
});

test('attack: a kind alone has to be in its counter', async (t) => {
  const { judge } = await runner();
  const counted = attacked('edgepoll-events', 1, ['mute']);
  const name = 'counted as firstByteTimeouts';
  t.like(
    judge([counted]).find(({ what }) => what === name),
    { value: 3, pass: true },
  );
  counted.stats = { open: 0 };
  t.like(
    judge([counted]).find(({ what }) => what === name),
    { value: 0, pass: false },
  );
});

test('attack: what a check finds', async (t) => {
  const { faultOf } = await runner();
  t.is(faultOf(attacked('edgepoll-events', 1)), undefined);
  const faults: [change: (attacked: Attacked) => void, text: string][] = [
    [({ phases }) => ((phases.settle as Phase).cut = 2), '2 well-behaved clients were cut'],
    [
      ({ phases }) => ((phases.attack as Phase).fresh_failed = 1),
      '1 fresh connections got no reply',
    ],
    [
      ({ descriptors }) => (descriptors.after = 21),
      '20 descriptors before, 21 after all clients had left',
    ],
    [({ stats }) => (stats.open = 4), '4 connections stay open'],
    [
      ({ hostile }) => (hostile.mute = { clients: 5, opened: 4 }),
      'only 4 of 5 clients of the kind mute connected',
    ],
    [({ phases }) => ((phases.attack as Phase).lines.count = 0), 'no line was answered'],
  ];
  for (const [change, text] of faults) {
    const result = attacked('edgepoll-events', 1);
    change(result);
    t.is(faultOf(result), `edgepoll-events: ${text}`);
  }
});

test('attack: the table and the charts have every server', async (t) => {
  const { attackTable, kindChart, timeChart } = await runner();
  const all = [attacked('rust', 2), attacked('edgepoll-events', 5)];
  const failed = attacked('bun', 5000);
  failed.phases.attack = {
    ...phase('attack', 5, 5000),
    fresh_failed: 10,
    causes: { 'fresh: no reply in time': 10 },
  };
  const table = attackTable('Title', [...all, failed]);
  t.regex(table, /^ {2}edgepoll-events +0\.25 1\.00 2\.00 +1\.25 5\.00 10\.0 /m);
  t.regex(table, / 10 \(3 %\) /);
  t.true(table.includes('attack: fresh: no reply in time (10)'));
  const chart = timeChart('attack', 'Title', all);
  t.is(chart.option.series.length, 4 * 2);
  t.deepEqual(chart.option.series[1]?.data, [
    [0, 5],
    [5, 5],
    [10, 5],
  ]);
  const each = kindChart('Title', [attacked('rust', 2, ['mute']), attacked('rust', 3, ['scan'])]);
  t.deepEqual(
    each.option.series.map(({ data }) => data),
    [
      [2, 3],
      [4, 6],
    ],
  );
});
