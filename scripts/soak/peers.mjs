// The peers of the soak: each loop makes one kind of connection after the other, to the lasting servers and to those that are about to die.

import { connect } from 'node:net';

/** Milliseconds after which a connection that should have ended hangs. */
const limit = 20_000;
const block = Buffer.alloc(64 * 1024, 'E');

/** What a peer does with its connection. Each resolves once it has done it. */
const kinds = {
  /** Connects and closes at once. */
  connects: (socket) => socket.end(),
  /** Exchanges bytes, and closes both ways. */
  async echoes(socket, below) {
    for (let round = 0; round < 1 + below(20); round += 1) {
      if (!(await exchange(socket, block.subarray(0, 1 + below(3000))))) return;
    }
    socket.end();
  },
  /** Resets in the middle of a transfer. */
  async resets(socket, below) {
    socket.write(block);
    await later(below(4));
    socket.resetAndDestroy();
  },
  /** Sends much and reads nothing of the echo, then leaves. */
  async floods(socket, below) {
    socket.pause();
    for (let round = 0; round < 16; round += 1) socket.write(block);
    await later(below(30));
    socket.destroy();
  },
  /** Asks for much, reads nothing, then leaves. */
  async ignores(socket, below) {
    socket.pause();
    socket.write('M');
    await later(below(100));
    if (below(2) === 0) socket.resetAndDestroy();
    else socket.destroy();
  },
  /** Asks for much, and reads it all after its own end. */
  async halfCloses(socket) {
    socket.end('M');
  },
  /** Is destroyed or reset by the server. */
  async isDestroyed(socket, below) {
    socket.write(below(2) === 0 ? 'D' : 'R');
  },
};
const names = Object.keys(kinds);

function later(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Sends bytes, and waits until as many have come back. False if the connection is over before that. */
function exchange(socket, bytes) {
  return new Promise((resolve) => {
    let missing = bytes.length;
    const done = (result) => {
      socket.off('data', count).off('close', over);
      resolve(result);
    };
    const count = ({ length }) => (missing -= length) <= 0 && done(true);
    const over = () => done(false);
    socket.on('data', count).on('close', over);
    if (socket.destroyed) done(false);
    else socket.write(bytes);
  });
}

/** Runs loops of peers until `stop()`. */
export class Peers {
  made = Object.fromEntries(names.map((name) => [name, 0]));
  hung = [];
  #brief = [];
  #isBusy = true;
  #loops;
  #seed;

  constructor(ports, loops, seed) {
    this.#seed = seed;
    this.#loops = Promise.all(Array.from({ length: loops }, () => this.#loop(ports)));
  }

  /** A server that will soon die listens on this port. */
  addBrief(port) {
    this.#brief = [...this.#brief.slice(-7), port];
  }

  /** Resolves when every connection is over. */
  async stop() {
    this.#isBusy = false;
    await this.#loops;
  }

  #below(most) {
    this.#seed = (Math.imul(this.#seed, 1_103_515_245) + 12_345) >>> 0;
    return (this.#seed >>> 8) % most;
  }

  async #loop(ports) {
    const below = (most) => this.#below(most);
    while (this.#isBusy) {
      const name = names[below(names.length)];
      const isBrief = below(4) === 0 && this.#brief.length > 0;
      const port = isBrief ? this.#brief[below(this.#brief.length)] : ports[below(ports.length)];
      // Many addresses, because each has 28,000 ports alone, and each closed connection keeps one for a minute.
      const localAddress = `127.0.${1 + below(4)}.${1 + below(250)}`;
      const socket = connect({ host: '127.0.0.1', port, localAddress });
      socket.on('error', () => {}).on('data', () => {});
      const closed = new Promise((resolve) => socket.on('close', resolve));
      const timer = setTimeout(() => {
        this.hung.push(`${name}${isBrief ? ' of a server that died' : ''}`);
        socket.destroy();
      }, limit);
      await kinds[name](socket, below);
      await closed;
      clearTimeout(timer);
      this.made[name] += 1;
    }
  }
}
