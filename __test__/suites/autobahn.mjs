// Autobahn's suite for WebSocket: its fuzzing client against an echo server in both styles, and its fuzzing server against a client.

import assert from 'node:assert';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { inProject } from '../../scripts/lib/root.mjs';
import { run } from '../../scripts/lib/run.mjs';
import { freePort, must, reachable, withServer } from './server.mjs';
import { autobahnCommand, missingAutobahn } from './tools.mjs';

const programs = '__test__/suites/programs';
const echo = `${programs}/websocket-echo.mjs`;

/** Everything but compression. */
const usual = { cases: ['*'], 'exclude-cases': ['12.*', '13.*'] };
const usualCount = 301;
/** Compression: a case of each kind, which takes some seconds. */
const someDeflate = {
  cases: '12.1.1 12.1.2 12.1.3 12.1.4 13.1.1 13.2.1 13.3.1 13.4.1 13.5.1 13.6.1 13.7.1'.split(' '),
  'exclude-cases': [],
};
/** All of compression: 216 cases, most of 1,000 messages each. They take half an hour. */
const allDeflate = { cases: ['12.*', '13.*'], 'exclude-cases': [] };

/** Seconds without output after which a run hangs. The suite prints a line when it starts a case. */
const silence = 600;

const missing = missingAutobahn;
export const autobahn = {
  'autobahn-events': { missing, run: () => asClient('events', usual, usualCount) },
  'autobahn-connection': { missing, run: () => asClient('connection', usual, usualCount) },
  'autobahn-deflate': {
    missing,
    run: () => asClient('events', someDeflate, someDeflate.cases.length),
  },
  'autobahn-client': { missing, run: () => asServer(usual, usualCount) },
  'autobahn-client-deflate': {
    missing,
    run: () => asServer(someDeflate, someDeflate.cases.length),
  },
  'autobahn-deflate-all': {
    missing,
    isLong: true,
    run: () => asClient('events', allDeflate, 216),
  },
  'autobahn-client-deflate-all': {
    missing,
    isLong: true,
    run: () => asServer(allDeflate, 216),
  },
};

/** The suite's client tries our server. */
function asClient(style, cases, count) {
  return withServer([echo, style], (port) =>
    inFolder(async (folder) => {
      const servers = [{ agent: 'edgepoll', url: `ws://127.0.0.1:${port}` }];
      const [command, ...args] = await fuzzing('client', folder, { ...cases, servers });
      const { code, text, hung } = await run(command, args, { output: 'keep', silence });
      assert.ok(code === 0 && !hung, `the fuzzing client ended with ${code}: ${text.slice(-2000)}`);
      return judge(folder, count);
    }),
  );
}

/** The suite's server tries our client. */
function asServer(cases, count) {
  return inFolder(async (folder) => {
    const port = await freePort();
    const url = `ws://127.0.0.1:${port}`;
    const [command, ...args] = await fuzzing('server', folder, { ...cases, url });
    const child = spawn(command, [...args, '-u', '0'], { stdio: 'ignore' });
    const ended = once(child, 'close');
    try {
      await reachable(port, child);
      const client = inProject(`${programs}/websocket-fuzzed.mjs`);
      await must([process.execPath, client, String(port)], { silence });
    } finally {
      child.kill('SIGKILL');
      await ended;
    }
    return judge(folder, count);
  });
}

/** Writes the settings of a run into `folder`. Returns its command. */
async function fuzzing(side, folder, settings) {
  const file = `${folder}/settings.json`;
  writeFileSync(
    file,
    JSON.stringify({ outdir: `${folder}/reports`, 'exclude-agent-cases': {}, ...settings }),
  );
  const { command, env } = await autobahnCommand();
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  return ['env', ...variables, ...command, '-m', `fuzzing${side}`, '-s', file];
}

/** Each case must be right, in what was sent back and in how the connection was closed. */
function judge(folder, count) {
  const cases = JSON.parse(readFileSync(`${folder}/reports/index.json`, 'utf8')).edgepoll;
  const accepted = new Set(['OK', 'INFORMATIONAL']);
  const wrong = Object.entries(cases).filter(
    ([, { behavior, behaviorClose }]) => !accepted.has(behavior) || !accepted.has(behaviorClose),
  );
  assert.deepStrictEqual(Object.fromEntries(wrong), {});
  assert.strictEqual(Object.keys(cases).length, count, 'the number of cases');
  return `${count} cases`;
}

async function inFolder(use) {
  const folder = mkdtempSync(`${tmpdir()}/edgepoll-autobahn-`);
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
