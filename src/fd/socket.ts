/**
 * Sockets of any family and type.
 *
 * It must never wait in a call, never raise SIGPIPE, and never keep a descriptor that nobody asked for.
 */
import { fd as native, isOpen } from '../binding.js';
import { EdgepollError, systemError } from '../errors.js';
import { showAs } from '../inspect.js';
import type { OptionNames } from '../option-names.js';
import { optionsObject, pickOptions } from '../option-names.js';
import {
  integer,
  isBytes,
  oneOf,
  optionalBoolean,
  optionalInteger,
  rangeError,
  typeError,
} from '../validate.js';
import type { FamilyName, SocketAddress } from './address.js';
import { familyNumber, fromNative, optionalInterface, toNative } from './address.js';
import { two } from './counters.js';
import {
  adoptNumber,
  checked,
  data,
  describeDescriptor,
  EBADF,
  makeOwned,
  OwnedFd,
  room,
  unlessWaiting,
  valueUnlessWaiting,
} from './owned.js';
import type { WaitOptions } from './ready.js';
import { arrivals, END, ready, WAIT_OPTIONS } from './ready.js';

/** What a socket carries: bytes, datagrams, bare packets, or packets in order. */
export type SocketType = 'stream' | 'dgram' | 'raw' | 'seqpacket';

const types: Record<SocketType, number> = { stream: 1, dgram: 2, raw: 3, seqpacket: 5 };

const SOL_SOCKET = 1;
const SO_TYPE = 3;
const SO_ERROR = 4;
const SO_REUSEADDR = 2;
const SO_BROADCAST = 6;
const SO_PASSCRED = 16;
const SO_ACCEPTCONN = 30;
const SO_DOMAIN = 39;
const IPPROTO_IP = 0;
const IP_TTL = 2;
const IPPROTO_IPV6 = 41;
const IPV6_UNICAST_HOPS = 16;
const AF_INET6 = 10;
const ENOTCONN = 107;
/** What accept(2) says of a connection that failed before it was taken, and of its network. */
const GONE = new Set([
  'ECONNABORTED',
  'EPROTO',
  'ENETDOWN',
  'EHOSTDOWN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENONET',
]);
/** The native connect's answer: see there. */
const WOULD_WAIT = 2;
const MOST_DESCRIPTORS = 253;
const U32 = 2 ** 32 - 1;

/** Who sent a message: as the kernel vouches for it. */
export interface Credentials {
  pid: number;
  uid: number;
  gid: number;
}

/** What {@link Socket.receiveMessage} is to make room for. */
export interface ReceiveOptions {
  /** Bytes. Default 65,536. */
  length?: number;
  /** Descriptors, 0 to 253. What comes beyond is closed. Default 0: none is accepted. */
  descriptors?: number;
  /** The sender's credentials; they come once `passCredentials` is on. Default `false`. */
  credentials?: boolean;
  /** Looks at the message and leaves it there (MSG_PEEK). Default `false`. */
  peek?: boolean;
}

const RECEIVE_OPTIONS: OptionNames<ReceiveOptions> = {
  length: true,
  descriptors: true,
  credentials: true,
  peek: true,
};

/** How messages are received one after the other: what {@link Socket.values} takes. */
export interface MessagesOptions extends WaitOptions, Omit<ReceiveOptions, 'peek'> {}

const MESSAGES_OPTIONS: OptionNames<MessagesOptions> = {
  ...WAIT_OPTIONS,
  length: true,
  descriptors: true,
  credentials: true,
};

/** A message that was received. */
export interface Message {
  /** As much of it as there was room for. An empty one is a message too, except at the end of a stream. */
  data: Buffer;
  /** Its true length: more than `data.length` when it was truncated. */
  length: number;
  /** It did not fit, and its end is lost (MSG_TRUNC). */
  truncated: boolean;
  /** The sender; `undefined` when it has no address or the socket is connected to it. */
  from: SocketAddress | undefined;
  /** Descriptors that came with it. They are the receiver's to close. */
  descriptors: OwnedFd[];
  /** More descriptors came than there was room for; they are closed (MSG_CTRUNC). */
  descriptorsTruncated: boolean;
  /** Who sent it, if that was asked for. */
  credentials: Credentials | undefined;
}

/** What {@link Socket.sendMessage} sends. */
export interface OutgoingMessage {
  /** A string is sent as UTF-8. Default: nothing; a stream needs at least a byte for descriptors to travel with. */
  data?: Uint8Array | string;
  /** The receiver; none if connected. */
  to?: SocketAddress;
  /** Up to 253 descriptors; the receiver gets its own, these stay open here. */
  descriptors?: readonly (number | { readonly fd: number })[];
  /** Own credentials; others need a privilege. */
  credentials?: Credentials;
}

const OUTGOING_MESSAGE: OptionNames<OutgoingMessage> = {
  data: true,
  to: true,
  descriptors: true,
  credentials: true,
};

const CREDENTIALS: OptionNames<Credentials> = { pid: true, uid: true, gid: true };

/** A connection that was taken, and its peer's address. */
export interface AcceptedConnection {
  /** The connection; its own object's to close. */
  socket: Socket;
  /** The peer; `undefined` when it has no address. */
  from: SocketAddress | undefined;
}

/** A {@link Socket} that listens: iterating it gives connections. */
export interface ListeningSocket
  extends Omit<Socket, typeof Symbol.asyncIterator>, AsyncIterable<AcceptedConnection, undefined> {}

let makeSocket: (fd: number, family: number, type: number) => Socket;

function numberOf(value: unknown): number {
  const isOwner = typeof value === 'object' && value !== null && 'fd' in value;
  return integer('descriptors', isOwner ? value.fd : value, 0, 2 ** 31 - 1);
}

function credentialNumbers(value: Credentials | undefined): number[] {
  if (value === undefined) return [];
  optionsObject('credentials', value, CREDENTIALS);
  const { pid, uid, gid } = value;
  return [
    integer('pid', pid, 0, 2 ** 31 - 1),
    integer('uid', uid, 0, U32),
    integer('gid', gid, 0, U32),
  ];
}

/**
 * A socket (socket(2)). Every call does what can be done at once: what would have to wait gives `null`.
 * Iterating gives messages until the peer of a stream ends it, or the socket is shut down for reading.
 */
export class Socket extends OwnedFd implements AsyncIterable<Message, undefined> {
  readonly #family: number;
  readonly #type: number;
  /** What a connect failed with, or 0: the kernel tells it once. */
  #failure = 0;

  private constructor(fd: number, family: number, type: number) {
    super(fd, 'socket');
    this.#family = family;
    this.#type = type;
  }

  static {
    makeSocket = (fd, family, type) => new Socket(fd, family, type);
    showAs(Socket, (object) => {
      const described = describeDescriptor(object);
      if (described === undefined || !object.isOpen) return described;
      const [localAddress, remoteAddress] = [false, true].map((isPeer) => {
        const name = native.socketName(object.fd, isPeer);
        return typeof name === 'number' ? undefined : fromNative(name);
      });
      return { ...described, localAddress, remoteAddress };
    });
  }

  /** As {@link OwnedFd.adopt}, for a socket. Throws `ENOTSOCK` for anything else, which stays its owner's. */
  static override adopt(fd: number): Socket {
    const number = adoptNumber(fd);
    const [errno = 0, family = 0] = native.socketOption(number, SOL_SOCKET, SO_DOMAIN);
    const [, type = 0] = native.socketOption(number, SOL_SOCKET, SO_TYPE);
    if (errno < 0) {
      native.release(number);
      throw systemError(-errno, { syscall: 'getsockopt', fd: number });
    }
    return new Socket(number, family, type);
  }

  /** Gives it an address (bind(2)). Throws `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES`, `ENAMETOOLONG`, `ERR_CLOSED` … */
  bind(address: SocketAddress): void {
    const to = toNative(address, 'bind');
    this.#about('bind', native.socketBind(this.fd, to), address);
  }

  /**
   * Connects (connect(2)): true when done, false when that goes on; then {@link Socket.connected} tells the outcome.
   * Of a datagram socket it sets the peer. Throws `ECONNREFUSED`, `EAGAIN` (the backlog of a Unix socket is full: try
   * again later), `ENAMETOOLONG`, `ERR_CLOSED` …; `ERR_BLOCKING` for a stream socket that is a blocking one by now: an
   * adopted one, or one that another process shares and has cleared O_NONBLOCK of. connect(2) would wait.
   */
  connect(address: SocketAddress): boolean {
    const to = toNative(address, 'connect');
    const { fd } = this;
    const result = this.#about('connect', native.socketConnect(fd, to), address);
    if (result === WOULD_WAIT) {
      const message =
        `connect of fd ${fd} would wait: the socket is a blocking one, because whoever opened it did not set O_NONBLOCK ` +
        'or another process that shares it cleared the flag; connect a socket that nobody else has';
      throw new EdgepollError('ERR_BLOCKING', message, { syscall: 'connect', fd });
    }
    this.#failure = 0;
    return result === 1;
  }

  /**
   * Waits until a connect that went on has ended. Rejects with its error, each time that it is asked; with `ENOTCONN` when
   * there was no connect, `ERR_CLOSED`, or the signal's reason.
   */
  async connected(options: WaitOptions = {}): Promise<void> {
    await ready(this, 'writable', options);
    const { fd } = this;
    if (this.#failure === 0) this.#failure = this.getOption(SOL_SOCKET, SO_ERROR);
    if (this.#failure !== 0) throw systemError(this.#failure, { syscall: 'connect', fd });
    // Some families do not know their peer; this one answer is certain.
    if (native.socketName(fd, true) === -ENOTCONN)
      throw systemError(ENOTCONN, { syscall: 'getpeername', fd });
  }

  #about(syscall: string, result: number, address: SocketAddress): number {
    if (result >= 0) return result;
    const { fd } = this;
    if ('address' in address) {
      const { address: host, port } = address;
      throw systemError(-result, { syscall, address: host, port, fd });
    }
    const path = 'path' in address ? { address: address.path } : {};
    throw systemError(-result, { syscall, ...path, fd });
  }

  /**
   * Lets others connect (listen(2)); `backlog` connections wait at most, default 511. Gives this object, as what it is now:
   * iterating it gives connections, as {@link Socket.connections} does. Throws `EADDRINUSE`, `EOPNOTSUPP`, `ERR_CLOSED`, `RangeError`.
   *
   * @example
   * for await (const { socket: peer } of server.listen()) void serve(peer);
   */
  listen(backlog = 511): ListeningSocket {
    const most = integer('backlog', backlog, 0, 2 ** 31 - 1);
    const { fd } = this;
    checked(native.socketListen(fd, most), 'listen', { fd });
    return this as unknown as ListeningSocket;
  }

  /** Takes one connection (accept4(2)); `null` when none waits. Throws `EMFILE`, `ECONNABORTED`, `ERR_CLOSED` … */
  accept(): AcceptedConnection | null {
    const { fd } = this;
    const accepted = valueUnlessWaiting(native.socketAccept(fd), 'accept', fd);
    if (accepted === null) return null;
    const connection = makeSocket(accepted.fd, this.#family, this.#type);
    const from = accepted.from === undefined ? undefined : fromNative(accepted.from);
    return { socket: connection, from };
  }

  /**
   * Connections, one after the other, until this socket is closed or the loop is left, which leaves it open. What is taken stays
   * open, whichever way the loop ends. A peer that went away before its connection was taken is passed over (accept(2)).
   * Throws `EINVAL` when the socket does not listen, `EMFILE` and `ENFILE` when no descriptor is left (the connection waits),
   * and the signal's reason.
   */
  connections(
    options?: WaitOptions,
  ): AsyncIterableIterator<AcceptedConnection, undefined, undefined> {
    return arrivals(this, () => this.#acceptNext(), options);
  }

  #acceptNext(): AcceptedConnection | null {
    try {
      return this.accept();
    } catch (error) {
      // Its error went with it: the next one may be there, and is told by readiness.
      if (error instanceof EdgepollError && GONE.has(error.code)) return null;
      throw error;
    }
  }

  /** Ends receiving (`read`), sending (`write`) or both (shutdown(2)). Throws `ENOTCONN`, `ERR_CLOSED`. */
  shutdown(how: 'read' | 'write' | 'both' = 'both'): void {
    const number = ['read', 'write', 'both'].indexOf(oneOf('how', how, ['read', 'write', 'both']));
    const { fd } = this;
    checked(native.socketShutdown(fd, number), 'shutdown', { fd });
  }

  /** Its own address (getsockname(2)). */
  get localAddress(): SocketAddress {
    return this.#name('getsockname', false);
  }

  /** Its peer's address (getpeername(2)). Throws `ENOTCONN`. */
  get remoteAddress(): SocketAddress {
    return this.#name('getpeername', true);
  }

  #name(syscall: string, ofPeer: boolean): SocketAddress {
    const { fd } = this;
    const name = native.socketName(fd, ofPeer);
    if (typeof name === 'number') throw systemError(-name, { syscall, fd });
    return fromNative(name);
  }

  /** An option that is an integer (getsockopt(2)). Throws `ENOPROTOOPT`, `EOPNOTSUPP`, `ERR_CLOSED`. */
  getOption(level: number, name: number): number {
    const { fd } = this;
    const [errno = 0, value = 0] = native.socketOption(
      fd,
      integer('level', level, 0, 2 ** 31 - 1),
      integer('name', name, 0, 2 ** 31 - 1),
    );
    checked(errno, 'getsockopt', { fd });
    return value;
  }

  /** Sets an option to an integer, or to the bytes of a structure (setsockopt(2)). Throws `ENOPROTOOPT`, `EPERM` … */
  setOption(level: number, name: number, value: number | boolean | Uint8Array): void {
    integer('level', level, 0, 2 ** 31 - 1);
    integer('name', name, 0, 2 ** 31 - 1);
    if (isBytes(value)) {
      const { fd } = this;
      const bytes = Uint8Array.from(value);
      checked(native.socketSetBytes(fd, level, name, bytes), 'setsockopt', { fd });
      return;
    }
    const whole =
      typeof value === 'boolean' ? Number(value) : integer('value', value, -(2 ** 31), U32);
    const { fd } = this;
    checked(native.socketSetOption(fd, level, name, whole | 0), 'setsockopt', { fd });
  }

  /** Lets datagrams go to broadcast addresses (SO_BROADCAST). */
  setBroadcast(on: boolean): void {
    this.setOption(SOL_SOCKET, SO_BROADCAST, optionalBoolean('on', on, true));
  }

  /** Lets an address be used that a dead connection still holds (SO_REUSEADDR). */
  setReuseAddress(on: boolean): void {
    this.setOption(SOL_SOCKET, SO_REUSEADDR, optionalBoolean('on', on, true));
  }

  /** Has the kernel say with every message who sent it (SO_PASSCRED); see {@link ReceiveOptions.credentials}. */
  setPassCredentials(on: boolean): void {
    this.setOption(SOL_SOCKET, SO_PASSCRED, optionalBoolean('on', on, true));
  }

  /** How many routers a packet passes (IP_TTL, IPV6_UNICAST_HOPS): 1 to 255. */
  setTtl(ttl: number): void {
    const hops = integer('ttl', ttl, 1, 255);
    if (this.#family === AF_INET6) this.setOption(IPPROTO_IPV6, IPV6_UNICAST_HOPS, hops);
    else this.setOption(IPPROTO_IP, IP_TTL, hops);
  }

  /** Joins a multicast group on an interface (name or index; default: the kernel's choice). Throws `EADDRINUSE`, `ENODEV`. */
  joinGroup(group: string, onInterface?: string | number): void {
    this.#membership(group, onInterface, true);
  }

  /** Leaves a multicast group. Throws `EADDRNOTAVAIL` when it is not in it. */
  leaveGroup(group: string, onInterface?: string | number): void {
    this.#membership(group, onInterface, false);
  }

  #membership(group: string, onInterface: unknown, join: boolean): void {
    const family = this.#family === AF_INET6 ? 'inet6' : 'inet';
    toNative({ family, address: group, port: 0 }, 'setsockopt');
    const index = optionalInterface(onInterface);
    const { fd } = this;
    checked(native.socketMembership(fd, group, index, join), 'setsockopt', { fd });
  }

  /** As {@link Socket.send}. */
  override write(bytes: Uint8Array | string): number | null {
    return this.send(bytes);
  }

  /**
   * Sends (sendto(2)): the count, `null` when it would have to wait. A stream may take less than all; a datagram goes whole.
   * Throws `EPIPE`, `ECONNREFUSED`, `EMSGSIZE`, `ENOTCONN`, `ENOBUFS`, `ERR_CLOSED` …
   */
  send(bytes: Uint8Array | string, to?: SocketAddress): number | null {
    return this.#send(to === undefined ? { data: bytes } : { data: bytes, to });
  }

  /** Sends with descriptors and credentials (sendmsg(2)). As {@link Socket.send}; `EBADF` with the `fd` of a descriptor that is not open. */
  sendMessage(message: OutgoingMessage): number | null {
    optionsObject('message', message ?? null, OUTGOING_MESSAGE);
    return this.#send(message);
  }

  #send(message: OutgoingMessage): number | null {
    const to = message.to === undefined ? undefined : toNative(message.to, 'sendmsg');
    const { descriptors: passed = [], data: sent = '' } = message;
    if (!Array.isArray(passed)) throw typeError('descriptors', 'an array', passed);
    if (passed.length > MOST_DESCRIPTORS)
      throw rangeError('descriptors', `at most ${MOST_DESCRIPTORS}`, passed.length);
    const numbers = passed.map(numberOf);
    const credentials = credentialNumbers(message.credentials);
    const bytes = data('data', sent);
    const { fd } = this;
    const taken = native.messageSend(fd, bytes, to, numbers, credentials);
    // It may be one of those passed that is not open, and the error names it then.
    const closed = taken === -EBADF ? numbers.find((passedOn) => !isOpen(passedOn)) : undefined;
    return unlessWaiting(taken, 'sendmsg', closed ?? fd);
  }

  /** As {@link OwnedFd.read}: of a stream 0 is the end, of a datagram socket an empty datagram. */
  receive(into: Uint8Array): number | null {
    return this.read(into);
  }

  /** Receives a message's bytes into an array, with what there is to know of it (recvfrom(2)); `null`: none yet. */
  receiveFrom(
    into: Uint8Array,
  ): { length: number; truncated: boolean; from: SocketAddress | undefined } | null {
    const { fd } = this;
    const got = native.messageReceive(fd, room('into', into), 0, false, this.#isCut, false);
    const message = valueUnlessWaiting(got, 'recvmsg', fd);
    if (message === null) return null;
    const { length, truncated, from } = message;
    return { length, truncated, from: from === undefined ? undefined : fromNative(from) };
  }

  /** Messages end where they do, so one can be cut. Of a stream MSG_TRUNC would throw bytes away. */
  get #isCut(): boolean {
    return this.#type !== types.stream;
  }

  /**
   * Receives a message with descriptors and credentials (recvmsg(2)); `null` when there is none yet. Of a stream, one
   * without bytes is the end.
   */
  receiveMessage(options: ReceiveOptions = {}): Message | null {
    optionsObject('options', options, RECEIVE_OPTIONS);
    return this.#receive(options);
  }

  #receive(options: ReceiveOptions): Message | null {
    const size = optionalInteger('length', options.length, 1, 2 ** 30, 65_536);
    const most = optionalInteger('descriptors', options.descriptors, 0, MOST_DESCRIPTORS, 0);
    const credentials = optionalBoolean('credentials', options.credentials, false);
    const peek = optionalBoolean('peek', options.peek, false);
    const { fd } = this;
    // Not zeroed and not shared: only what was received is handed out.
    const into = Buffer.allocUnsafeSlow(size);
    const got = native.messageReceive(fd, into, most, credentials, this.#isCut, peek);
    const message = valueUnlessWaiting(got, 'recvmsg', fd);
    if (message === null) return null;
    const length = Math.min(message.length, size);
    const [pid, uid = 0, gid = 0] = message.credentials;
    return {
      // A small message must not keep the whole room.
      data: length * 2 < size ? Buffer.from(into.subarray(0, length)) : into.subarray(0, length),
      length: message.length,
      truncated: message.truncated,
      from: message.from === undefined ? undefined : fromNative(message.from),
      descriptors: message.descriptors.map((number) => makeOwned(number, 'received')),
      descriptorsTruncated: message.descriptorsTruncated,
      credentials: pid === undefined ? undefined : { pid, uid, gid },
    };
  }

  /** Messages, one after the other, until the peer of a stream ends it, or the socket is shut down for reading and empty. */
  values(options: MessagesOptions = {}): AsyncIterableIterator<Message, undefined, undefined> {
    optionsObject('options', options, MESSAGES_OPTIONS);
    const { length = 65_536, descriptors = 0, credentials = false } = options;
    const take = (): Message | null | typeof END => {
      const message = this.#receive({ length, descriptors, credentials });
      return message !== null && this.#isEnd(message) ? END : message;
    };
    return arrivals(this, take, pickOptions<WaitOptions>(options, WAIT_OPTIONS));
  }

  #isEnd(message: Message): boolean {
    if (message.length > 0 || message.descriptors.length > 0) return false;
    if (this.#type === types.stream) return true;
    // An empty packet looks like the end of packets in order, unless its sender is told.
    if (this.#type !== types.seqpacket) return false;
    return message.credentials === undefined || message.credentials.pid === 0;
  }

  /** As {@link Socket.values}, without descriptors and credentials; of a socket that listens, as {@link Socket.connections}. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Message, undefined, undefined> {
    if (this.getOption(SOL_SOCKET, SO_ACCEPTCONN) === 0) return this.values();
    // Its type was given by listen(): see there.
    return this.connections() as unknown as AsyncIterableIterator<Message, undefined, undefined>;
  }
}

function typeNumber(value: unknown): number {
  if (typeof value === 'number') return integer('type', value, 0, 15);
  return types[oneOf('type', value, ['stream', 'dgram', 'raw', 'seqpacket'] as const)];
}

/** What else a socket is made with. */
export interface SocketOptions {
  /** The protocol's number: of `netlink` the family of messages, of a `raw` one what follows IP. Default 0. */
  protocol?: number;
}

const SOCKET_OPTIONS: OptionNames<SocketOptions> = { protocol: true };

function protocolOf(options: SocketOptions): number {
  return optionalInteger('protocol', options.protocol, 0, 2 ** 31 - 1, 0);
}

/**
 * A socket of any family and type, close-on-exec and non-blocking (socket(2)). A family or a type that has no name here
 * goes by its number. Throws `EAFNOSUPPORT` (this kernel does not have the family), `EPROTONOSUPPORT`, `EPERM` and `EACCES`
 * (raw sockets need a privilege), `EMFILE`, `ENFILE`, `TypeError`, `RangeError`.
 */
export function socket(
  family: FamilyName | number,
  type: SocketType | number,
  options: SocketOptions = {},
): Socket {
  optionsObject('options', options, SOCKET_OPTIONS);
  const [domain, kind] = [familyNumber(family), typeNumber(type)];
  const fd = checked(native.socketOpen(domain, kind, protocolOf(options)), 'socket');
  return makeSocket(fd, domain, kind);
}

/** What a pair of sockets is made with. */
export interface SocketPairOptions extends SocketOptions {
  /** Default `stream`. */
  type?: SocketType | number;
  /** Default `unix`. */
  family?: FamilyName | number;
}

const SOCKETPAIR_OPTIONS: OptionNames<SocketPairOptions> = {
  ...SOCKET_OPTIONS,
  type: true,
  family: true,
};

/** Two sockets that are connected to each other (socketpair(2)). Throws as {@link socket}, and `EOPNOTSUPP`. */
export function socketpair(options: SocketPairOptions = {}): [Socket, Socket] {
  optionsObject('options', options, SOCKETPAIR_OPTIONS);
  const { family = 'unix', type = 'stream' } = options;
  const [domain, kind] = [familyNumber(family), typeNumber(type)];
  const [first, second] = two(native.socketPair(domain, kind, protocolOf(options)), 'socketpair');
  return [makeSocket(first, domain, kind), makeSocket(second, domain, kind)];
}
