/**
 * Sockets of any family and type.
 *
 * It must never wait in a call, never raise SIGPIPE, and never keep a descriptor that nobody asked for.
 */
import { fd as native } from '../internal/binding.js';
import { EdgepollError, systemError } from '../internal/errors.js';
import { showAs } from '../internal/inspect.js';
import { optionsObject, pickOptions } from '../internal/option-names.js';
import { integer, oneOf, optionalBoolean } from '../internal/validate.js';
import type { SocketAddress } from './address.js';
import type { Constant } from './constants.js';
import { constant, constants } from './constants.js';
import { checkedAt, fromNative, optionalFromNative, toNative } from './native-address.js';
import type { Credentials, OutgoingMessage } from './outgoing-message.js';
import { OUTGOING_MESSAGE, sendMessage } from './outgoing-message.js';
import { adoptNumber, describeDescriptor, OwnedFd, room } from './owned.js';
import type { ErrorsOptions, QueuedError, ReceiveErrorOptions } from './queued-error.js';
import { ERRORS_OPTIONS, RECEIVE_ERROR_OPTIONS, receiveError } from './queued-error.js';
import type { WaitOptions } from './ready.js';
import { itemsOf, END, ready, WAIT_OPTIONS } from './ready.js';
import type { Message, MessagesOptions, ReceiveOptions } from './received-message.js';
import {
  isEnd,
  MESSAGES_OPTIONS,
  RECEIVE_OPTIONS,
  receiveFlags,
  receiveMessage,
} from './received-message.js';
import { checked, valueUnlessBlocked } from './results.js';
import {
  optionBytes,
  optionNumber,
  peerCredentials,
  setMembership,
  setSocketOption,
} from './socket-options.js';
import type { TcpInfo } from './tcp-info.js';
import { tcpInfoOf } from './tcp-info.js';

const {
  AF_INET6,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPPROTO_TCP,
  IP_TTL,
  IPV6_UNICAST_HOPS,
  SO_ACCEPTCONN,
  SO_BROADCAST,
  SO_DOMAIN,
  SO_ERROR,
  SO_PASSCRED,
  SO_REUSEADDR,
  SO_TYPE,
  SOL_SOCKET,
  TCP_INFO,
} = constants;
const ENOTCONN = 107;
/** Errors of accept(2) for a connection that failed, or whose network failed, before it was accepted. */
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
/** An accepted connection, and its peer's address. */
export interface AcceptedConnection {
  /** The connection. The program has to close it. */
  socket: Socket;
  /** The peer; `undefined` when it has no address. */
  from: SocketAddress | undefined;
}

/** A {@link Socket} that listens: iterating it gives connections. */
export interface ListeningSocket
  extends Omit<Socket, typeof Symbol.asyncIterator>, AsyncIterable<AcceptedConnection, undefined> {}

type MakeSocket = (fd: number, family: number, type: number) => Socket;

/** The class's static block sets it, because only code inside the class can call the constructor. */
let make: MakeSocket;

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
    make = (fd, family, type) => new Socket(fd, family, type);
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
    try {
      const family = optionNumber(number, SOL_SOCKET, SO_DOMAIN);
      return new Socket(number, family, optionNumber(number, SOL_SOCKET, SO_TYPE));
    } catch (error) {
      native.release(number);
      throw error;
    }
  }

  /** Gives it an address (bind(2)). Throws `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES`, `ENAMETOOLONG`, `ERR_CLOSED` … */
  bind(address: SocketAddress): void {
    const to = toNative(address, 'bind');
    const { fd } = this;
    checkedAt('bind', native.socketBind(fd, to), fd, address);
  }

  /**
   * Connects (connect(2)): true when done, false when that goes on; then {@link Socket.connected} tells the outcome.
   * Of a datagram socket it sets the peer. Throws `ECONNREFUSED`, `EAGAIN` (the backlog of a Unix socket is full: try
   * again later), `ENAMETOOLONG`, `ERR_CLOSED` …; `ERR_BLOCKING` for a blocking stream socket, for which connect(2) would wait:
   * an adopted one, or one that another process shares and whose O_NONBLOCK it has cleared.
   */
  connect(address: SocketAddress): boolean {
    const to = toNative(address, 'connect');
    const { fd } = this;
    const result = checkedAt('connect', native.socketConnect(fd, to), fd, address);
    if (result === WOULD_WAIT) {
      const message =
        `connect of fd ${fd} would wait: the socket is a blocking one, because it was opened without O_NONBLOCK ` +
        'or another process that shares it cleared the flag; connect a socket that no other process shares';
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
    if (this.#failure === 0) this.#failure = optionNumber(fd, SOL_SOCKET, SO_ERROR);
    if (this.#failure !== 0) throw systemError(this.#failure, { syscall: 'connect', fd });
    // Some families do not know their peer; this one answer is certain.
    if (native.socketName(fd, true) === -ENOTCONN)
      throw systemError(ENOTCONN, { syscall: 'getpeername', fd });
  }

  /**
   * Makes the socket listen for connections (listen(2)); at most `backlog` of them wait, default 511. Returns this object with
   * the type of a listening socket: iterating it gives connections, as {@link Socket.connections} does. Throws `EADDRINUSE`,
   * `EOPNOTSUPP`, `ERR_CLOSED`, `RangeError`.
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
    const accepted = valueUnlessBlocked(native.socketAccept(fd), 'accept', fd);
    if (accepted === null) return null;
    const connection = new Socket(accepted.fd, this.#family, this.#type);
    return { socket: connection, from: optionalFromNative(accepted.from) };
  }

  /**
   * Accepts connections, one after the other, until this socket is closed. Leaving the loop closes neither this socket nor an
   * accepted connection. A connection that fails before it is accepted is skipped (accept(2)). Throws `EINVAL` if the socket does
   * not listen, `EMFILE` and `ENFILE` if no descriptor is left (the connection stays in the backlog), and the signal's reason.
   */
  connections(
    options?: WaitOptions,
  ): AsyncIterableIterator<AcceptedConnection, undefined, undefined> {
    return itemsOf(this, () => this.#acceptNext(), options);
  }

  #acceptNext(): AcceptedConnection | null {
    try {
      return this.accept();
    } catch (error) {
      // accept(2) has removed the failed connection. If another one waits, the socket stays readable.
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

  /**
   * An option that is an integer (getsockopt(2)), by numbers or by names of {@link constants}:
   * `getOption('SOL_SOCKET', 'SO_RCVBUF')`. Throws `ERR_OPTION_LENGTH` for an option that does not have the 4 bytes of an integer
   * (use {@link Socket.getOptionBytes}), `ENOPROTOOPT`, `EOPNOTSUPP`, `ERR_CLOSED`, and `RangeError` for an unknown name.
   */
  getOption(level: Constant, name: Constant): number {
    return optionNumber(this.fd, constant('level', level), constant('name', name));
  }

  /**
   * The bytes of an option (getsockopt(2)), at most `length` (1 to 65,536, default 256); a longer option is cut. Throws as
   * {@link Socket.getOption}, and `EINVAL` or `ERANGE` for options that refuse this length.
   */
  getOptionBytes(level: Constant, name: Constant, length = 256): Buffer {
    const most = integer('length', length, 1, 65_536);
    return optionBytes(this.fd, constant('level', level), constant('name', name), most);
  }

  /**
   * Returns and clears the socket's pending error (SO_ERROR), such as that of a refused connect or datagram; `null` if there is
   * none. Throws `ERR_CLOSED`.
   */
  takeError(): EdgepollError | null {
    const { fd } = this;
    const errno = optionNumber(fd, SOL_SOCKET, SO_ERROR);
    return errno === 0 ? null : systemError(errno, { syscall: 'getsockopt', fd });
  }

  /**
   * The peer process of a connected Unix socket: the one that called connect(2), listen(2) or socketpair(2) (SO_PEERCRED);
   * `undefined` without a peer. `pid` is 0 if the peer is in a process namespace that this process cannot see.
   */
  peerCredentials(): Credentials | undefined {
    return peerCredentials(this.fd);
  }

  /** TCP's state and counters of the connection (TCP_INFO, tcp(7)). Throws `EOPNOTSUPP` or `ENOPROTOOPT` for another protocol. */
  tcpInfo(): TcpInfo {
    return tcpInfoOf(optionBytes(this.fd, IPPROTO_TCP, TCP_INFO, 512));
  }

  /**
   * Sets an option to an integer, or to the bytes of a structure (setsockopt(2)), by numbers or by names of
   * {@link constants}. Throws `ENOPROTOOPT`, `EPERM`, `EINVAL`, `ERR_CLOSED`, `RangeError` for an unknown name …
   */
  setOption(level: Constant, name: Constant, value: number | boolean | Uint8Array): void {
    setSocketOption(this, constant('level', level), constant('name', name), value);
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
    setMembership(this, this.#family, group, onInterface, true);
  }

  /** Leaves a multicast group. Throws `EADDRNOTAVAIL` when it is not in it. */
  leaveGroup(group: string, onInterface?: string | number): void {
    setMembership(this, this.#family, group, onInterface, false);
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
    const message = to === undefined ? { data: bytes } : { data: bytes, to };
    return sendMessage(this, this.#family, this.#type, message);
  }

  /**
   * Sends a message with descriptors, credentials, a source address or other control messages (sendmsg(2)). Descriptors and
   * credentials travel with the first byte (unix(7)): on a stream socket there must be one, and the receiver gets them with the
   * read that takes that byte. Returns and throws as {@link Socket.send}; also `EBADF` with the `fd` of a descriptor that is not
   * open, `EINVAL` for a control message that the kernel refuses, and `TypeError` for descriptors, credentials or a source
   * address that a socket of this kind ignores.
   */
  sendMessage(message: OutgoingMessage): number | null {
    optionsObject('message', message ?? null, OUTGOING_MESSAGE);
    return sendMessage(this, this.#family, this.#type, message);
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
    const how = receiveFlags(this.#family, this.#type);
    const got = native.messageReceive(fd, room('into', into), 0, 0, how);
    const message = valueUnlessBlocked(got, 'recvmsg', fd);
    if (message === null) return null;
    const { length, truncated, from } = message;
    return { length, truncated, from: optionalFromNative(from) };
  }

  /**
   * Receives a message with descriptors and credentials (recvmsg(2)); `null` when there is none yet. Of a stream, one
   * without bytes is the end.
   */
  receiveMessage(options: ReceiveOptions = {}): Message | null {
    optionsObject('options', options, RECEIVE_OPTIONS);
    return receiveMessage(this, this.#family, this.#type, options);
  }

  /**
   * The next entry of the error queue (MSG_ERRQUEUE, recv(2)); `null` when there is none. ICMP errors come there with the
   * option IP_RECVERR or IPV6_RECVERR, timestamps of what was sent with SO_TIMESTAMPING, finished zero-copy sends with
   * SO_ZEROCOPY. Entries that are not read stay in the queue and use the receive buffer's space.
   *
   * Throws `EOPNOTSUPP` for a family without an error queue (only `inet`, `inet6`, `packet`, `can` and `vsock` have one),
   * `ERR_CLOSED`.
   */
  receiveError(options: ReceiveErrorOptions = {}): QueuedError | null {
    optionsObject('options', options, RECEIVE_ERROR_OPTIONS);
    return receiveError(this, this.#family, options);
  }

  /**
   * Iterates the entries of the error queue, also while another iteration takes messages. It ends when the queue is empty and the
   * socket was shut down for reading or the peer of a stream has ended, because from then on the kernel always reports the socket
   * as ready. Read later entries (timestamps, zero-copy sends) with {@link Socket.receiveError}.
   */
  errors(options: ErrorsOptions = {}): AsyncIterableIterator<QueuedError, undefined, undefined> {
    optionsObject('options', options, ERRORS_OPTIONS);
    const wanted = pickOptions<ReceiveErrorOptions>(options, RECEIVE_ERROR_OPTIONS);
    const take = (): QueuedError | null => receiveError(this, this.#family, wanted);
    return itemsOf(this, take, pickOptions<WaitOptions>(options, WAIT_OPTIONS));
  }

  /**
   * Iterates messages, until the peer of a stream ends it, or the socket is shut down for reading and empty. It does not read
   * the error queue: see {@link Socket.errors}.
   */
  values(options: MessagesOptions = {}): AsyncIterableIterator<Message, undefined, undefined> {
    optionsObject('options', options, MESSAGES_OPTIONS);
    const wanted = pickOptions<ReceiveOptions>(options, RECEIVE_OPTIONS);
    const take = (): Message | null | typeof END => {
      const message = receiveMessage(this, this.#family, this.#type, wanted);
      return message !== null && isEnd(message, this.#type) ? END : message;
    };
    return itemsOf(this, take, pickOptions<WaitOptions>(options, WAIT_OPTIONS));
  }

  /** As {@link Socket.values}, without descriptors and credentials; for a listening socket as {@link Socket.connections}. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Message, undefined, undefined> {
    if (this.getOption(SOL_SOCKET, SO_ACCEPTCONN) === 0) return this.values();
    // listen() has given a listening socket this type.
    return this.connections() as unknown as AsyncIterableIterator<Message, undefined, undefined>;
  }
}

/** Makes the object for a socket that the native side holds: there is no public constructor. */
export const makeSocket: MakeSocket = make;
