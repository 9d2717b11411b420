// redis-cli, the npm clients `redis` and `ioredis`, and inline commands by a bare socket, against the example redis-like in both of its
// styles. And a client by edgepoll-resp against redis-server.

import assert from 'node:assert';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { inProject } from '../../scripts/lib/root.mjs';
import { freePort, must, reachable, withServer } from './server.mjs';
import { missingProgram } from './tools.mjs';

const cli = { missing: () => missingProgram('redis-cli', 'redis-tools'), run: inBoth(redisCli) };

export const respClients = {
  'redis-cli': cli,
  'redis-cli-file': { ...cli, run: inBoth(file) },
  'redis-cli-subscribe': { ...cli, run: inBoth(subscribe) },
  inline: { run: inBoth(inline) },
  'npm-redis': { run: inBoth((port) => program('redis', port)) },
  'npm-ioredis': { run: inBoth((port) => program('ioredis', port)) },
  'redis-server': {
    missing: () => missingProgram('redis-server', 'redis-server'),
    run: () => withRedis((port) => program('redis-server', port)),
  },
};

function inBoth(use) {
  return async () => {
    for (const style of ['connection', 'batches']) {
      const server = ['build/examples/redis-like.js', '--port', '0', '--style', style];
      await withServer(server, use);
    }
  };
}

/** Starts redis-server, which keeps nothing on the disk. */
async function withRedis(use) {
  const port = await freePort();
  const place = ['--port', String(port), '--bind', '127.0.0.1', '--dir', tmpdir()];
  const child = spawn('redis-server', [...place, '--save', '', '--appendonly', 'no'], {
    stdio: 'ignore',
  });
  try {
    await reachable(port, child);
    await use(port);
  } finally {
    child.kill('SIGKILL');
    await once(child, 'close');
  }
}

async function program(name, port) {
  await must([process.execPath, inProject(`__test__/suites/programs/${name}.mjs`), String(port)]);
}

async function redisCli(port) {
  for (const version of ['-2', '-3']) {
    const ask = (...words) => must(['redis-cli', version, '-p', String(port), ...words]);
    assert.strictEqual(await ask('FLUSHALL'), 'OK\n');
    assert.strictEqual(await ask('SET', 'key', 'grüezi'), 'OK\n');
    assert.strictEqual(await ask('GET', 'key'), 'grüezi\n');
    assert.strictEqual(await ask('GET', 'none'), '\n');
    assert.strictEqual(await ask('INCR', 'count'), '1\n');
    assert.strictEqual(await ask('EXPIRE', 'key', '100'), '1\n');
    assert.strictEqual(await ask('MGET', 'key', 'none', 'count'), 'grüezi\n\n1\n');
    assert.strictEqual(await ask('DEL', 'key', 'count'), '2\n');
    assert.match(await ask('NOSUCH', 'x'), /^ERR unknown command 'NOSUCH'/);
    assert.match(await ask('HELLO'), new RegExp(`proto\\s${version.slice(1)}\\s`));
  }
}

/**
 * Commands from a file. Not by the option `--pipe`, which ends them with an ECHO of random bytes: the example has texts alone.
 */
async function file(port) {
  const child = spawn('redis-cli', ['-p', String(port)], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(Array.from({ length: 2000 }, (_, at) => `INCRBY count ${at}\n`).join(''));
  const replies = (await text(child.stdout)).trimEnd().split('\n');
  assert.deepStrictEqual(
    replies,
    Array.from({ length: 2000 }, (_, at) => String((at * (at + 1)) / 2)),
  );
  await must(['redis-cli', '-p', String(port), 'DEL', 'count']);
}

async function subscribe(port) {
  for (const version of ['-2', '-3']) {
    const child = spawn('redis-cli', [version, '-p', String(port), 'SUBSCRIBE', 'news'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
      const three = async () => {
        const words = [];
        while (words.length < 3) {
          const { value = '', done } = await lines.next();
          assert.ok(!done, 'redis-cli ended');
          if (!value.startsWith('Reading messages')) words.push(value);
        }
        return words;
      };
      assert.deepStrictEqual(await three(), ['subscribe', 'news', '1']);
      const publish = ['redis-cli', '-p', String(port), 'PUBLISH', 'news', 'hello'];
      assert.strictEqual(await must(publish), '1\n');
      assert.deepStrictEqual(await three(), ['message', 'news', 'hello']);
    } finally {
      child.kill('SIGKILL');
    }
  }
}

/** Inline commands, which people type into telnet. */
async function inline(port) {
  const socket = connect(port, '127.0.0.1');
  socket.write('PING\r\nSET greeting "hello \\x41"\r\n\r\nget greeting\nQUIT\r\nPING\r\n');
  const answers = '+PONG\r\n+OK\r\n$7\r\nhello A\r\n+OK\r\n';
  assert.strictEqual(await text(socket), answers);
}
