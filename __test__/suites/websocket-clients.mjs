// Clients of WebSocket against an echo server in both styles: the npm package `ws`, Node.js's own, Python's `websockets`, and Chromium.

import assert from 'node:assert';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { inProject } from '../../scripts/lib/root.mjs';
import { must, withServer } from './server.mjs';
import {
  missingNode24,
  missingProgram,
  missingWebsockets,
  node24,
  websocketsFolder,
} from './tools.mjs';

const programs = inProject('__test__/suites/programs');
const echo = '__test__/suites/programs/websocket-echo.mjs';

export const websocketClients = {
  ws: {
    run: inBoth((port) => must([process.execPath, `${programs}/websocket-ws.mjs`, String(port)])),
  },
  node: {
    missing: missingNode24,
    run: inBoth((port) => must([node24, `${programs}/websocket-node.mjs`, String(port)])),
  },
  python: { missing: missingWebsockets, run: inBoth(python) },
  chromium: { missing: () => missingProgram('chromium', 'chromium'), run: inBoth(chromium) },
};

function inBoth(use) {
  return async () => {
    for (const style of ['events', 'connection']) await withServer([echo, style], use);
  };
}

async function python(port) {
  const env = { PYTHONPATH: await websocketsFolder() };
  await must(['python3', `${programs}/websocket_client.py`, String(port)], { env });
}

async function chromium(port, lines) {
  const folder = mkdtempSync(`${tmpdir()}/edgepoll-chromium-`);
  const page = readFileSync(`${programs}/page.html`, 'utf8').replace('PORT', String(port));
  writeFileSync(`${folder}/page.html`, page);
  const options = ['--headless', '--no-sandbox', '--disable-gpu', `--user-data-dir=${folder}/data`];
  const child = spawn('chromium', [...options, `file://${folder}/page.html`], {
    stdio: 'ignore',
    detached: true,
  });
  try {
    const timeout = AbortSignal.timeout(60_000);
    const late = once(timeout, 'abort').then(() => assert.fail('no report came within 60 s'));
    const { value: report } = await Promise.race([lines.next(), late]);
    assert.match(report, /^report true permessage-deflate/);
  } finally {
    // With Chromium's own child processes, which are in its group.
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    await once(child, 'close');
    // A process of Chromium that has left the group may still write.
    rmSync(folder, { recursive: true, maxRetries: 10 });
  }
}
