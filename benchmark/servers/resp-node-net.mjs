// GET, SET and PING on node:net, with a parser in JavaScript: one class, no regular expressions, one write per chunk.

import { createServer } from 'node:net';
import { announce } from './listening.mjs';

const STAR = 42;
const CR = 13;
const ZERO = 48;

class Parser {
  /** @type {Buffer | undefined} */
  #rest;
  #at = 0;

  /** Calls `each` for each whole command. @param {Buffer} chunk @param {(args: string[]) => void} each */
  feed(chunk, each) {
    const bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#at = 0;
    let done = 0;
    while (this.#at < bytes.length) {
      const args = bytes[this.#at] === STAR ? this.#array(bytes) : this.#inline(bytes);
      if (args === undefined) break;
      done = this.#at;
      if (args.length > 0) each(args);
    }
    this.#rest = done < bytes.length ? Buffer.from(bytes.subarray(done)) : undefined;
  }

  /** The number behind the byte at the current place; −1 if the line is not whole. @param {Buffer} bytes */
  #number(bytes) {
    let value = 0;
    for (let at = this.#at + 1; at < bytes.length; at += 1) {
      const byte = bytes[at];
      if (byte === CR) {
        this.#at = at + 2;
        return value;
      }
      value = value * 10 + byte - ZERO;
    }
    return -1;
  }

  /** @param {Buffer} bytes */
  #array(bytes) {
    const count = this.#number(bytes);
    if (count < 0) return undefined;
    /** @type {string[]} */
    const args = [];
    for (let index = 0; index < count; index += 1) {
      const length = this.#number(bytes);
      const end = this.#at + length;
      if (length < 0 || end + 2 > bytes.length) return undefined;
      args.push(bytes.toString('latin1', this.#at, end));
      this.#at = end + 2;
    }
    return args;
  }

  /** @param {Buffer} bytes */
  #inline(bytes) {
    const end = bytes.indexOf(10, this.#at);
    if (end < 0) return undefined;
    const line = bytes.toString('latin1', this.#at, end).trim();
    this.#at = end + 1;
    return line === '' ? [] : line.split(/\s+/);
  }
}

/** @type {Map<string, string>} */
const map = new Map();

/** @param {string[]} args */
function answer([name, key, value]) {
  switch (name.toUpperCase()) {
    case 'GET': {
      const found = map.get(key);
      return found === undefined ? '$-1\r\n' : `$${found.length}\r\n${found}\r\n`;
    }
    case 'SET':
      map.set(key, value);
      return '+OK\r\n';
    case 'PING':
      return '+PONG\r\n';
    case 'CONFIG':
      return '*0\r\n';
    default:
      return '-ERR unknown command\r\n';
  }
}

const server = createServer({ noDelay: true }, (socket) => {
  const parser = new Parser();
  socket.on('data', (chunk) => {
    let replies = '';
    parser.feed(chunk, (args) => (replies += answer(args)));
    if (replies !== '') socket.write(replies, 'latin1');
  });
  socket.on('error', (/** @type {NodeJS.ErrnoException} */ error) => {
    if (error.code !== 'ECONNRESET') console.error(`connection failed: ${error.message}`);
  });
});

server.listen({ host: '127.0.0.1', port: 0 }, () => {
  const { address, port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  announce(address, port, process.pid);
});
