// What the readiness benchmark computes and draws: lines, ratios, bars and charts. Nothing is measured here.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import test from 'ava';

import { root } from '../support/process.js';

interface Window {
  count: number;
  cpu_us: number;
  wall_us: number;
  user_us: number;
  system_us: number;
}

interface Contender {
  cpu_us: number;
  user_us: number;
  to_npm_epoll?: { median: number };
  net_us?: number;
  net_excess_us?: { median: number };
}

interface Point {
  language: string;
  engine: string;
  idle: number;
  active: number;
  cpu_us: number;
  wall_us: number;
  windows: Window[];
}

interface Bar {
  server: string;
  what: string;
  value: number;
  pass: boolean;
}

interface Runner {
  fitLine: (points: { x: number; y: number }[]) => { slope: number; intercept: number; r2: number };
  summarize: (
    windows: Record<string, Window[]>,
    closing: Window[],
  ) => { contenders: Record<string, Contender>; rounds: number; steady: number };
  lines: (points: Point[]) => { engine: string; active: number; growth: number }[];
  judgePingPong: (scenarios: object[]) => Bar[];
  judgeIdle: (lines: object[]) => Bar[];
  idleCharts: (lines: object[]) => { name: string; option: object }[];
  figures: (value: number) => string;
  adapt: (svg: string) => string;
  countRounds: (
    asked: number | undefined,
    otherwise: { rounds: number; seconds: number },
  ) => Iterable<number>;
}

const files = ['fit', 'summary', 'lines', 'bars', 'charts', 'theme', 'windows'];

/** Loads the benchmark's modules. They are plain JavaScript, which is not compiled with the tests. */
async function runner(): Promise<Runner> {
  const urls = files.map((name) =>
    pathToFileURL(join(root, `benchmark/runner/readiness/${name}.mjs`)),
  );
  const modules = await Promise.all(urls.map(({ href }) => import(href) as Promise<object>));
  return Object.assign({}, ...modules) as Runner;
}

const window = (cpu: number): Window => ({
  count: 100,
  cpu_us: cpu,
  wall_us: cpu * 2,
  user_us: 25 * cpu,
  system_us: 75 * cpu,
});

test('benchmark: a straight line and a flat one are distinguished', async (t) => {
  const { fitLine } = await runner();
  const straight = fitLine([0.1, 1, 3, 10].map((x) => ({ x, y: 2 + 100 * x })));
  t.true(Math.abs(straight.slope - 100) < 1e-9);
  t.true(Math.abs(straight.intercept - 2) < 1e-9);
  t.true(Math.abs(straight.r2 - 1) < 1e-9);
  t.like(fitLine([0.1, 1, 10].map((x) => ({ x, y: 5 }))), { slope: 0, intercept: 5, r2: 0 });
  t.is(fitLine([]), undefined as never);
  t.is(fitLine([{ x: 1, y: 1 }]), undefined as never);
});

test('benchmark: ratios come from within a round, and from steady rounds only', async (t) => {
  const { summarize } = await runner();
  const times = {
    floor: [2, 4, 2],
    'floor, work only': [1, 2, 1],
    'npm epoll': [20, 40, 1],
    'edgepoll poll()': [8, 16, 100],
    'node, work only': [3, 6, 3],
  };
  const windows = Object.fromEntries(
    Object.entries(times).map(([name, list]) => [name, list.map(window)]),
  );
  // The floor took 2 before the third round and 9 after it, so this round is not steady.
  const summary = summarize(windows, [2, 4, 9].map(window));
  t.is(summary.rounds, 3);
  t.is(summary.steady, 2);
  const poll = summary.contenders['edgepoll poll()'];
  t.like(poll, { cpu_us: 12, user_us: 3, net_us: 7.5 });
  t.is(poll?.to_npm_epoll?.median, 0.4);
  // 8 − 3 − (2 − 1) and 16 − 6 − (4 − 2)
  t.is(poll?.net_excess_us?.median, 6);
  t.is(summary.contenders['node, work only']?.net_us, undefined);
});

test('benchmark: a bar whose contender was not measured is not met', async (t) => {
  const { judgePingPong, summarize } = await runner();
  const windows = { floor: [window(2)], 'edgepoll poll()': [window(4)] };
  const summary = summarize(windows, [window(2)]);
  const bars = judgePingPong([{ id: 'pipe-pinned', summary }]);
  const ratio = bars.find((bar) => bar.server === 'edgepoll poll()' && bar.what.includes('npm'));
  t.like(ratio, { pass: false, value: Number.NaN });
  t.true(bars.some((bar) => bar.server === 'edgepoll poll()' && bar.what.includes('+ µs')));
  t.false(bars.some((bar) => bar.server === 'edgepoll for await' && bar.pass));
});

const points = (engine: string, time: (idle: number) => number): Point[] =>
  [100, 1000, 10_000].map((idle) => ({
    language: 'Rust',
    engine,
    idle,
    active: 1,
    cpu_us: time(idle),
    wall_us: time(idle),
    windows: [],
  }));

test('benchmark: poll must rise and epoll must not', async (t) => {
  const { judgeIdle, lines } = await runner();
  const rising = (idle: number) => 1 + idle / 10;
  const good = judgeIdle(lines([...points('poll', rising), ...points('epoll level', () => 2)]));
  const swapped = judgeIdle(lines([...points('poll', () => 2), ...points('epoll level', rising)]));
  const of = (bars: Bar[]) => bars.filter(({ value }) => !Number.isNaN(value));
  t.is(of(good).length, 3);
  t.true(of(good).every(({ pass }) => pass));
  t.is(of(swapped).length, 3);
  t.true(of(swapped).every(({ pass }) => !pass));
});

test('benchmark: each colour of a chart has a dark variant', async (t) => {
  const { adapt, idleCharts, lines } = await runner();
  const all = lines(points('poll', (idle) => idle).concat(points('epoll edge', () => 2)));
  const charts = idleCharts(all);
  t.deepEqual(
    charts.map(({ name }) => name),
    ['idle', 'idle-linear'],
  );
  const colors = new Set(JSON.stringify(charts).match(/#[0-9a-f]{3,6}/g));
  t.true(colors.size >= 4);
  const style = adapt('<svg xmlns="x"><path/></svg>');
  t.regex(style, /^<svg xmlns="x"><style>@media \(prefers-color-scheme:dark\)\{.*\}<\/style><path/);
  for (const color of colors) t.true(style.includes(`[fill="${color}"]`), color);
});

test('benchmark: numbers on charts have three figures', async (t) => {
  const { figures } = await runner();
  const shown = [0.1223, 9.9968, 12.34, 248.15, 1053.47, Number.NaN].map(figures);
  t.deepEqual(shown, ['0.122', '10.0', '12.3', '248', '1,053', '–']);
});

test('benchmark: if no number of rounds is asked for, the time limit ends them, after three at least', async (t) => {
  const { countRounds } = await runner();
  t.is([...countRounds(5, { rounds: 9, seconds: 0 })].length, 5);
  t.is([...countRounds(undefined, { rounds: 9, seconds: 0 })].length, 3);
  t.is([...countRounds(undefined, { rounds: 9, seconds: 60 })].length, 9);
});
