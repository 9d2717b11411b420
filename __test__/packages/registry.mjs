// The registry on loopback: starts it, makes one account, and publishes packages as a release does, by `npm publish`.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { inProject } from '../../scripts/lib/root.mjs';
import { nodePath } from './tools.mjs';
import { User } from './user.mjs';

/** Starts a registry that keeps its packages in `folder`. Resolves with its `url` and `token`, and `stop()`. */
export async function startRegistry(folder) {
  const args = [inProject('__test__/packages/verdaccio.mjs'), folder];
  // Its end of the pipe closes when this process ends, however that happens, and so the registry ends too.
  const child = spawn(nodePath('24'), args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  const port = await Promise.race([portOf(child), ended.then(refuse)]);
  const url = `http://127.0.0.1:${port}/`;
  const stop = async () => {
    child.stdin.end();
    await ended;
  };
  return { url, token: await makeAccount(url), stop };
}

/**
 * Publishes packages: tarballs or folders. The token is in the home that is made in `folder`, and for this registry alone.
 */
export async function publishAll(folder, { url, token }, packages) {
  const user = new User(folder, {});
  const account = `${url.replace('http:', '')}:_authToken=${token}`;
  writeFileSync(`${user.home}/.npmrc`, `registry=${url}\n${account}\n`);
  const waiting = [...packages];
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift())
      await user.run('npm', 'publish', '--ignore-scripts', next);
  };
  await Promise.all([worker(), worker()]);
}

async function portOf(child) {
  let text = '';
  for await (const chunk of child.stdout.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    text += chunk;
    const port = /^listening on (\d+)$/m.exec(text)?.[1];
    if (port !== undefined) {
      child.stdout.resume();
      return port;
    }
  }
  throw new Error(`the registry did not start: ${text}`);
}

function refuse([code]) {
  throw new Error(`the registry ended with code ${code}`);
}

async function makeAccount(url) {
  const name = 'publisher';
  const response = await fetch(`${url}-/user/org.couchdb.user:${name}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name, password: 'only on loopback' }),
  });
  const { token, error } = await response.json();
  if (token === undefined) throw new Error(`the registry made no account: ${error}`);
  return token;
}
