/**
 * The package loaded into a context of node:vm, as Jest loads it for each test file: errors of Node.js's modules, of the addon and of
 * an abort are of another realm there. `own-realm destroy|abort|refused`; needs --experimental-vm-modules.
 */
import { closeSync, openSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createContext, SourceTextModule, SyntheticModule } from 'node:vm';
import type { Context, Module } from 'node:vm';

import type * as edgepoll from 'edgepoll';

// What Jest hands to its contexts; Error is each context's own.
const context: Context = createContext({
  AbortController,
  AbortSignal,
  ArrayBuffer,
  Buffer,
  DOMException,
  process,
  queueMicrotask,
  Uint8Array,
});

const modules = new Map<string, Promise<Module>>();

function load(url: string): Promise<Module> {
  const known = modules.get(url) ?? fresh(url);
  modules.set(url, known);
  return known;
}

async function fresh(url: string): Promise<Module> {
  if (url.startsWith('node:') || url.endsWith('/native/binding.js')) {
    const outer = (await import(url)) as Record<string, unknown>;
    const names = Object.keys(outer);
    const fill = (): void => {
      for (const name of names) made.setExport(name, outer[name]);
    };
    const made: SyntheticModule = new SyntheticModule(names, fill, { context, identifier: url });
    return made;
  }
  const source = readFileSync(fileURLToPath(url), 'utf8');
  return new SourceTextModule(source, { context, identifier: url });
}

const entry = await load(import.meta.resolve('edgepoll'));
await entry.link((name, { identifier }) =>
  load(name.startsWith('node:') ? name : new URL(name, identifier).href),
);
await entry.evaluate();
const { connect, listen, Poller } = entry.namespace as typeof edgepoll;

async function pair(options: { signal?: AbortSignal } = {}) {
  const server = await listen({ port: 0, host: '127.0.0.1', ...options });
  const accepted = server[Symbol.asyncIterator]().next();
  const client = await connect({ port: server.address.port });
  const { value: connection } = await accepted;
  if (connection === undefined) throw new Error('no connection');
  return { server, client, connection };
}

const cases: Record<string, () => Promise<unknown>> = {
  async destroy() {
    const { server, client } = await pair();
    const error = new Error('of Node.js itself');
    client.destroy(error);
    const closed = await client.closed;
    server.destroy();
    return closed.error === error;
  },
  async abort() {
    const controller = new AbortController();
    const { client, connection } = await pair({ signal: controller.signal });
    controller.abort();
    const closed = await connection.closed;
    client.destroy();
    return closed.error === controller.signal.reason;
  },
  // oxlint-disable-next-line require-await
  async refused() {
    // select(2) takes numbers below 1024.
    const fds: number[] = [];
    while ((fds.at(-1) ?? 0) < 1024) fds.push(openSync('/dev/null', 'r'));
    try {
      new Poller({ engine: 'select' }).close();
      return 'not refused';
    } catch (error) {
      return (error as NodeJS.ErrnoException).code;
    } finally {
      for (const fd of fds) closeSync(fd);
    }
  },
};

const [name = ''] = process.argv.slice(2);
console.log(JSON.stringify(await cases[name]?.()));
