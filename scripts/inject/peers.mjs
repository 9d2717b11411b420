// The peers of the program under strace: connections to its server, and a server that it connects to. Each peer knows which bytes it
// must get, and says how its connection ended.

import { once } from 'node:events';
import { connect, createServer } from 'node:net';

const host = '127.0.0.1';
/** Bytes of each round of an echoed connection. The last is more than the kernel takes at once. */
const rounds = [1, 10, 700, 3000, 20_000, 400_000];
/** What the program sends to a peer that asks for much. */
const much = 6 * 2 ** 20;

/** The bytes that both sides know: each byte from its place in the stream. */
function pattern(start, length) {
  const bytes = Buffer.allocUnsafe(length);
  for (let at = 0; at < length; at += 1) bytes[at] = (start + at) % 251;
  return bytes;
}

/** One connection. `ended` resolves with how it ended; it never rejects. */
class Peer {
  got = 0;
  wrong = false;
  #waits;

  constructor(kind, target, check) {
    this.kind = kind;
    this.socket = typeof target === 'number' ? connect({ host, port: target }) : target;
    this.socket.setNoDelay(true);
    this.socket.on('connect', () => (this.port = this.socket.localPort));
    this.port = this.socket.localPort;
    this.socket.on('data', (bytes) => {
      if (check?.(bytes, this.got) === false) this.wrong = true;
      this.got += bytes.length;
      this.#waits?.();
    });
    let end;
    this.socket.on('end', () => (end ??= 'end'));
    this.socket.on('error', (error) => (end ??= error.code));
    const closed = new Promise((resolve) => this.socket.on('close', resolve));
    this.ended = closed.then(() => (this.end = end ?? 'closed'));
  }

  /** Waits until so many bytes are there in all, or the connection is over. */
  async until(bytes) {
    while (this.got < bytes && this.end === undefined) {
      await Promise.race([this.ended, new Promise((resolve) => (this.#waits = resolve))]);
    }
    return this.got >= bytes;
  }
}

/** Makes every kind of connection, and resolves when all that end by themselves have ended, or nothing more happens. */
export class Peers {
  #all = [];
  #sink;
  #sunk = [];
  #quits;
  #quitting = new Promise((resolve) => (this.#quits = resolve));

  /** Starts the server that the program connects to. Resolves with its port. */
  async listen() {
    this.#sink = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('data', (bytes) => socket.write(bytes));
      socket.on('end', () => socket.end());
      socket.on('error', () => {});
      this.#sunk.push(socket);
    }).listen(0, host);
    await once(this.#sink, 'listening');
    return this.#sink.address().port;
  }

  /** Starts the connections to the program. */
  start(port) {
    const echoes = Array.from({ length: 6 }, () => this.#echo(port));
    // One of them may be the connection that is hit. If others are, all that is wrong shows anyway.
    const first = Promise.any(echoes).catch(() => {});
    this.#mute(port);
    this.#mute(port);
    const others = ['R', 'D', 'U'].map((kind) => this.#told(port, kind));
    this.running = [...echoes, ...others, this.#resetting(port), this.#late(port, first)];
    for (let more = 0; more < 3; more += 1) this.running.push(this.#late(port, first));
  }

  /** Resolves when all that end by themselves have ended, or when nothing has happened for `patience` milliseconds. */
  async settled(patience) {
    let restart;
    const silence = new Promise((resolve) => {
      const timer = setTimeout(resolve, patience);
      restart = () => timer.refresh();
    });
    for (const { socket } of this.#all)
      for (const name of ['data', 'close']) socket.on(name, restart);
    await Promise.race([Promise.allSettled(this.running), silence]);
  }

  /** What is wrong with each connection: a list of `{ port, kind, what }`. */
  faults() {
    return this.#all.flatMap((peer) => {
      const what = peer.wrong ? 'other bytes than were sent' : peer.fault?.();
      return what === undefined ? [] : [{ port: peer.port, kind: peer.kind, what }];
    });
  }

  /** Tells the program that nothing more will happen. Again if that connection is the one that fails. */
  async quit(port, isOver) {
    this.#quits();
    while (!isOver()) {
      const peer = new Peer('Q', port);
      peer.socket.write('Q');
      await peer.ended;
    }
  }

  close() {
    for (const { socket } of this.#all) socket.destroy();
    for (const socket of this.#sunk) socket.destroy();
    this.#sink.close();
  }

  #add(kind, port, check) {
    const peer = new Peer(kind, port, check);
    this.#all.push(peer);
    return peer;
  }

  /** Sends, and waits for the echo of it, round after round; then ends. Rejects if something is wrong. */
  async #echo(port) {
    const total = rounds.reduce((sum, length) => sum + length, 0);
    const sent = pattern(0, total);
    sent[0] = 69;
    const peer = this.#add('E', port, (bytes, at) =>
      sent.subarray(at, at + bytes.length).equals(bytes),
    );
    peer.fault = () =>
      peer.end === 'end' && peer.got === total
        ? undefined
        : ended(peer, `${peer.got} of ${total} bytes`);
    let at = 0;
    for (const length of rounds) {
      peer.socket.write(sent.subarray(at, at + length));
      at += length;
      if (!(await peer.until(at))) break;
    }
    peer.socket.end();
    await peer.ended;
    if (peer.fault() !== undefined) throw new Error(peer.fault());
  }

  /** Asks for much, and reads nothing until another connection has ended. */
  async #late(port, others) {
    const peer = this.#add('S', port, (bytes, at) => pattern(at, bytes.length).equals(bytes));
    peer.fault = () =>
      peer.end === 'end' && peer.got === much
        ? undefined
        : ended(peer, `${peer.got} of ${much} bytes`);
    peer.socket.pause();
    peer.socket.write('S');
    await others;
    peer.socket.resume();
    await peer.ended;
  }

  /** Is reset, destroyed, or destroyed while bytes for it wait to be sent. */
  async #told(port, kind) {
    const peer = this.#add(kind, port);
    peer.fault = () => {
      const isReset = peer.end === 'ECONNRESET';
      // Node.js may report the end of the stream for a reset, if bytes came before it.
      const isEnd = peer.end === 'end';
      const isRight = { R: isReset, D: isEnd, U: isReset || isEnd }[kind];
      return isRight ? undefined : ended(peer, `${peer.got} bytes`);
    };
    peer.socket.write(kind);
    await peer.ended;
  }

  /** Resets its connection after one echo. */
  async #resetting(port) {
    const peer = this.#add('X', port);
    peer.fault = () => (peer.got === 1 ? undefined : ended(peer, 'no echo'));
    peer.socket.write('X');
    await peer.until(1);
    peer.socket.resetAndDestroy();
    await peer.ended;
  }

  /** Stays open, and sends nothing, until the program ends. */
  #mute(port) {
    const peer = this.#add('M', port);
    let early;
    void this.#quitting.then(() => (early = peer.end));
    peer.fault = () => (early === undefined ? undefined : ended(peer, 'it was not to end'));
  }
}

function ended(peer, what) {
  return `${peer.end ?? 'no end'}, ${what}`;
}
