/**
 * The class of sockets of any family and type. No call blocks or raises SIGPIPE, and received descriptors that the program does not want
 * are closed.
 */
import { fd as native } from '../internal/binding.js';
import { EdgepollError, systemError } from '../internal/errors.js';
import { showAs } from '../internal/inspect.js';
import { CONNECT_DONE, CONNECT_WOULD_WAIT } from '../internal/layout.js';
import { optionsObject, pickOptions } from '../internal/option-names.js';
import { integer, oneOf, optionalBoolean } from '../internal/validate.js';
import type { SocketAddress } from './address.js';
import type { Constant } from './constants.js';
import { constant, constants } from './constants.js';
import type { Credentials } from './message-parts.js';
import { checkedAt, fromNative, optionalFromNative, toNative } from './native-address.js';
import type { OutgoingMessage } from './outgoing-message.js';
import { OUTGOING_MESSAGE, sendMessage } from './outgoing-message.js';
import { adoptNumber, bufferToFill, describeDescriptor, OwnedFd } from './owned.js';
import type { ErrorsOptions, QueuedError, ReceiveErrorOptions } from './queued-error.js';
import { ERRORS_OPTIONS, isQueued, RECEIVE_ERROR_OPTIONS, receiveError } from './queued-error.js';
import type { Follower, WaitOptions } from './ready.js';
import { AGAIN, itemsOf, END, ready, WAIT_OPTIONS } from './ready.js';
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
const FAILED_CONNECTION = new Set([
  'ECONNABORTED',
  'EPROTO',
  'ENETDOWN',
  'EHOSTDOWN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENONET',
]);
/** After this many pending errors in a row an iteration over messages lets the event loop run. */
const MAX_PENDING_ERRORS = 8;
/**
 * After this many failures in a row an iteration over messages throws the error. The kernel reports a pending
 * error only once, so it is then the call itself that fails, for example because a security module refuses it. The number
 * is large enough for a burst of ICMP errors.
 */
const MAX_FAILURES = 1000;

/** An accepted connection and the address of its peer. */
export interface AcceptedConnection {
  /** The connection. The program has to close it. */
  socket: Socket;
  /** The address of the peer; `undefined` if it has none. */
  from: SocketAddress | undefined;
}

/** A {@link Socket} that listens. Iterating it gives connections. */
export interface ListeningSocket
  extends Omit<Socket, typeof Symbol.asyncIterator>, AsyncIterable<AcceptedConnection, undefined> {}

type MakeSocket = (fd: number, family: number, type: number) => Socket;

/** The class's static block sets it, because only code inside the class can call the constructor. */
let make: MakeSocket;

/**
 * A socket (socket(2)). No call blocks: where the system call would block, the method returns `null`. Iterating gives messages until
 * the peer of a stream ends it, or the socket is shut down for reading.
 */
export class Socket extends OwnedFd implements AsyncIterable<Message, undefined> {
  readonly #family: number;
  readonly #type: number;
  /** The error number of a failed connect, or 0. The kernel returns it only once, so it is kept. */
  #failure = 0;
  /**
   * The reading of the error queue: how many iterations over it have begun and not ended, and how many entries were read. It is an
   * object of its own, so that the code that follows an iteration does not keep the socket from being garbage-collected.
   */
  readonly #errorQueue = { iterations: 0, entries: 0 };

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

  /** As {@link OwnedFd.adopt}, for a socket. Throws `ENOTSOCK` if it is not a socket; the descriptor then still belongs to the caller. */
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

  /** Binds the socket to an address (bind(2)). Throws `ERR_CLOSED`, and the errors of bind(2), such as `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES`, `ENAMETOOLONG`. */
  bind(address: SocketAddress): void {
    const to = toNative(address, 'bind');
    const { fd } = this;
    checkedAt('bind', native.socketBind(fd, to), fd, address);
  }

  /**
   * Connects (connect(2)). Returns true if the socket is connected, and false if the connect is in progress:
   * {@link Socket.connected} gives its outcome. For a datagram socket it sets the peer.
   *
   * Throws `ERR_CLOSED`, and the errors of connect(2), such as `ECONNREFUSED`, `ENAMETOOLONG`, and `EAGAIN` if the backlog of a Unix socket
   * is full (try again later). Throws `ERR_BLOCKING` for a stream socket without O_NONBLOCK, because connect(2) would block: an adopted
   * socket, or one that another process shares and whose flag it has cleared.
   */
  connect(address: SocketAddress): boolean {
    const to = toNative(address, 'connect');
    const { fd } = this;
    const result = checkedAt('connect', native.socketConnect(fd, to), fd, address);
    if (result === CONNECT_WOULD_WAIT) {
      const message =
        `connect of fd ${fd} would wait: the socket is a blocking one, because it was opened without O_NONBLOCK ` +
        'or another process that shares it cleared the flag; connect a socket that no other process shares';
      throw new EdgepollError('ERR_BLOCKING', message, { syscall: 'connect', fd });
    }
    this.#failure = 0;
    return result === CONNECT_DONE;
  }

  /**
   * Resolves when a connect that was in progress has succeeded. Rejects with its error, also if it is called again; with `ENOTCONN` if
   * there was no connect; with `ERR_CLOSED`; with the signal's reason.
   */
  async connected(options: WaitOptions = {}): Promise<void> {
    await ready(this, 'writable', options);
    const { fd } = this;
    if (this.#failure === 0) this.#failure = optionNumber(fd, SOL_SOCKET, SO_ERROR);
    if (this.#failure !== 0) throw systemError(this.#failure, { syscall: 'connect', fd });
    // Some families have no getpeername(2), so other errors of it do not mean that there was no connect.
    if (native.socketName(fd, true) === -ENOTCONN)
      throw systemError(ENOTCONN, { syscall: 'getpeername', fd });
  }

  /**
   * Makes the socket listen for connections (listen(2)). At most `backlog` of them wait to be accepted, default 511. Returns this object
   * with the type of a listening socket: iterating it gives connections, as {@link Socket.connections} does. Throws `EADDRINUSE`,
   * `EOPNOTSUPP`, `ERR_CLOSED`, `TypeError`, `RangeError`.
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

  /** Accepts one connection (accept4(2)). Returns `null` if none waits. Throws `ERR_CLOSED`, and the errors of accept(2), such as `EMFILE`, `ECONNABORTED`. */
  accept(): AcceptedConnection | null {
    const { fd } = this;
    const accepted = valueUnlessBlocked(native.socketAccept(fd), 'accept', fd);
    if (accepted === null) return null;
    const connection = new Socket(accepted.fd, this.#family, this.#type);
    return { socket: connection, from: optionalFromNative(accepted.from) };
  }

  /**
   * Iterates the connections of a listening socket, until the socket is closed. Leaving the loop closes neither this socket nor an
   * accepted connection. A connection that fails before it is accepted is skipped (accept(2)). Throws `EINVAL` if the socket does
   * not listen, `EMFILE` and `ENFILE` if no descriptor is left (the connection stays in the backlog), `ERR_CLOSED`, and the signal's
   * reason.
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
      if (error instanceof EdgepollError && FAILED_CONNECTION.has(error.code)) return null;
      throw error;
    }
  }

  /** Shuts down receiving (`read`), sending (`write`) or both (shutdown(2)). Default `both`. Throws `ENOTCONN`, `ERR_CLOSED`. */
  shutdown(how: 'read' | 'write' | 'both' = 'both'): void {
    const number = ['read', 'write', 'both'].indexOf(oneOf('how', how, ['read', 'write', 'both']));
    const { fd } = this;
    checked(native.socketShutdown(fd, number), 'shutdown', { fd });
  }

  /** The address of this socket (getsockname(2)). Throws `ERR_CLOSED`. */
  get localAddress(): SocketAddress {
    return this.#name('getsockname', false);
  }

  /** The address of the peer (getpeername(2)). Throws `ENOTCONN`, `ERR_CLOSED`. */
  get remoteAddress(): SocketAddress {
    return this.#name('getpeername', true);
  }

  #name(syscall: string, isPeer: boolean): SocketAddress {
    const { fd } = this;
    const name = native.socketName(fd, isPeer);
    if (typeof name === 'number') throw systemError(-name, { syscall, fd });
    return fromNative(name);
  }

  /**
   * Returns the value of an integer option (getsockopt(2)). Level and name are numbers or names of {@link constants}:
   * `getOption('SOL_SOCKET', 'SO_RCVBUF')`. Throws `ERR_OPTION_LENGTH` for an option that does not have the 4 bytes of an integer
   * (use {@link Socket.getOptionBytes}), `ENOPROTOOPT`, `EOPNOTSUPP`, `ERR_CLOSED`, and `RangeError` for an unknown name.
   */
  getOption(level: Constant, name: Constant): number {
    return optionNumber(this.fd, constant('level', level), constant('name', name));
  }

  /**
   * Returns the bytes of an option (getsockopt(2)), at most `length`: 1 to 65,536, default 256. The rest of a longer option is left out.
   * Throws as {@link Socket.getOption}, and `EINVAL` or `ERANGE` for options that refuse this length.
   */
  getOptionBytes(level: Constant, name: Constant, length = 256): Buffer {
    const most = integer('length', length, 1, 65_536);
    return optionBytes(this.fd, constant('level', level), constant('name', name), most);
  }

  /**
   * Returns and clears the pending error of the socket (SO_ERROR, socket(7)), for example of a refused connect or datagram; `null` if
   * there is none. Throws `ERR_CLOSED`.
   */
  takeError(): EdgepollError | null {
    const { fd } = this;
    const errno = optionNumber(fd, SOL_SOCKET, SO_ERROR);
    return errno === 0 ? null : systemError(errno, { syscall: 'getsockopt', fd });
  }

  /**
   * Returns the credentials of the peer of a connected Unix socket: of the process that called connect(2), listen(2) or socketpair(2)
   * (SO_PEERCRED, unix(7)). Returns `undefined` without a peer. `pid` is 0 if the peer is in a PID namespace that this process cannot
   * see. Throws `ERR_CLOSED`.
   */
  peerCredentials(): Credentials | undefined {
    return peerCredentials(this.fd);
  }

  /** Returns the state and the counters of a TCP connection (TCP_INFO, tcp(7)). Throws `EOPNOTSUPP` or `ENOPROTOOPT` for other protocols, `ERR_CLOSED`. */
  tcpInfo(): TcpInfo {
    return tcpInfoOf(optionBytes(this.fd, IPPROTO_TCP, TCP_INFO, 512));
  }

  /**
   * Sets an option to an integer, or to the bytes of a structure (setsockopt(2)). Level and name are numbers or names of
   * {@link constants}. Throws `ERR_CLOSED`, the errors of setsockopt(2), such as `ENOPROTOOPT`, `EPERM`, `EINVAL`, and `RangeError` for an
   * unknown name.
   */
  setOption(level: Constant, name: Constant, value: number | boolean | Uint8Array): void {
    setSocketOption(this, constant('level', level), constant('name', name), value);
  }

  /** Allows sending datagrams to broadcast addresses (SO_BROADCAST, socket(7)). */
  setBroadcast(on: boolean): void {
    this.setOption(SOL_SOCKET, SO_BROADCAST, optionalBoolean('on', on, true));
  }

  /** Allows binding to an address that an ended connection still occupies (SO_REUSEADDR, socket(7)). */
  setReuseAddress(on: boolean): void {
    this.setOption(SOL_SOCKET, SO_REUSEADDR, optionalBoolean('on', on, true));
  }

  /** Makes the kernel add the sender's credentials to each message (SO_PASSCRED, unix(7)). See {@link ReceiveOptions.credentials}. */
  setPassCredentials(on: boolean): void {
    this.setOption(SOL_SOCKET, SO_PASSCRED, optionalBoolean('on', on, true));
  }

  /** Sets how many hops a sent packet may take: 1 to 255 (IP_TTL, IPV6_UNICAST_HOPS). Throws `ERR_CLOSED`, `TypeError`, `RangeError`. */
  setTtl(ttl: number): void {
    const hops = integer('ttl', ttl, 1, 255);
    if (this.#family === AF_INET6) this.setOption(IPPROTO_IPV6, IPV6_UNICAST_HOPS, hops);
    else this.setOption(IPPROTO_IP, IP_TTL, hops);
  }

  /**
   * Joins a multicast group on an interface, given by name or index. Default: the kernel's choice. Throws `EADDRINUSE` if the socket is in
   * the group already, `ENODEV`, `ERR_CLOSED`, `TypeError`, `RangeError`.
   */
  joinGroup(group: string, onInterface?: string | number): void {
    setMembership(this, this.#family, group, onInterface, true);
  }

  /** Leaves a multicast group. Throws `EADDRNOTAVAIL` if the socket is not in the group, and otherwise as {@link Socket.joinGroup}. */
  leaveGroup(group: string, onInterface?: string | number): void {
    setMembership(this, this.#family, group, onInterface, false);
  }

  /** As {@link Socket.send}. */
  override write(bytes: Uint8Array | string): number | null {
    return this.send(bytes);
  }

  /**
   * Sends bytes, to the peer of a connected socket or to the address `to` (sendto(2)). Returns the number of bytes that the kernel took, or
   * `null` if it would block. A stream may take only a part; a datagram is sent whole. Throws `ERR_CLOSED`, and the errors of sendto(2),
   * such as `EPIPE`, `ECONNREFUSED`, `EMSGSIZE`, `ENOTCONN`, `ENOBUFS`; `TypeError` for `to` if the kernel would ignore it and send
   * to the peer (TCP, and `seqpacket` of `unix`).
   */
  send(bytes: Uint8Array | string, to?: SocketAddress): number | null {
    const message = to === undefined ? { data: bytes } : { data: bytes, to };
    return sendMessage(this, this.#family, this.#type, message);
  }

  /**
   * Sends a message with descriptors, credentials, a source address or other control messages (sendmsg(2)). Descriptors and
   * credentials travel with the first byte (unix(7)): on a stream socket there must be one, and the receiver gets them with the
   * read that takes that byte.
   *
   * Returns and throws as {@link Socket.send}; also throws `EBADF` with the `fd` of a descriptor that is not open, `EINVAL` for a control
   * message that the kernel refuses, and `TypeError` for descriptors, credentials or a source address that the kernel would ignore for a
   * socket of this kind, or without bytes on a stream.
   */
  sendMessage(message: OutgoingMessage): number | null {
    optionsObject('message', message ?? null, OUTGOING_MESSAGE);
    return sendMessage(this, this.#family, this.#type, message);
  }

  /** As {@link OwnedFd.read}: 0 is the end of a stream, or an empty datagram. */
  receive(into: Uint8Array): number | null {
    return this.read(into);
  }

  /**
   * Receives a message into an array (recvfrom(2)). Returns `null` if there is none yet. `length` is the length of the whole message, also if
   * it did not fit and was `truncated`. `from` is the sender's address. Throws `ERR_CLOSED`, and the errors of recvfrom(2).
   */
  receiveFrom(
    into: Uint8Array,
  ): { length: number; truncated: boolean; from: SocketAddress | undefined } | null {
    const { fd } = this;
    const flags = receiveFlags(this.#family, this.#type);
    const result = native.messageReceive(fd, bufferToFill('into', into), 0, 0, flags);
    const message = valueUnlessBlocked(result, 'recvmsg', fd);
    if (message === null) return null;
    const { length, truncated, from } = message;
    return { length, truncated, from: optionalFromNative(from) };
  }

  /**
   * Receives a message with descriptors, credentials and other control messages (recvmsg(2)). Returns `null` if there is none yet. On a
   * stream socket a message without bytes is the end. Throws `ERR_CLOSED`, `TypeError`, `RangeError`, and the errors of recvmsg(2).
   */
  receiveMessage(options: ReceiveOptions = {}): Message | null {
    optionsObject('options', options, RECEIVE_OPTIONS);
    return receiveMessage(this, this.#family, this.#type, options);
  }

  /**
   * Returns the next entry of the error queue (MSG_ERRQUEUE, recv(2)); `null` if there is none. The kernel adds entries for ICMP errors with
   * the option IP_RECVERR or IPV6_RECVERR, for timestamps of sent packets with SO_TIMESTAMPING, and for finished zero-copy sends with
   * SO_ZEROCOPY. Entries that are not read stay in the queue and take space of the receive buffer.
   *
   * Throws `EOPNOTSUPP` for a family without an error queue (only `inet`, `inet6`, `packet`, `can` and `vsock` have one),
   * `ERR_CLOSED`, `TypeError`, `RangeError`.
   */
  receiveError(options: ReceiveErrorOptions = {}): QueuedError | null {
    optionsObject('options', options, RECEIVE_ERROR_OPTIONS);
    return this.#nextError(options);
  }

  #nextError(options: ReceiveErrorOptions): QueuedError | null {
    const entry = receiveError(this, this.#family, options);
    if (entry !== null) this.#errorQueue.entries += 1;
    return entry;
  }

  /**
   * Iterates the entries of the error queue, also while another iteration takes messages. From the first `next()` until it ends or
   * its iterator is garbage-collected, iterations over messages do not throw the errors that are entries here. It ends when the queue
   * is empty and the socket was shut down for reading or the peer of a stream has ended, because from then on the kernel always
   * reports the socket as ready. Read later entries (timestamps, zero-copy sends) with {@link Socket.receiveError}. Throws
   * `ERR_CLOSED`.
   */
  errors(options: ErrorsOptions = {}): AsyncIterableIterator<QueuedError, undefined, undefined> {
    optionsObject('options', options, ERRORS_OPTIONS);
    const wanted = pickOptions<ReceiveErrorOptions>(options, RECEIVE_ERROR_OPTIONS);
    const take = (): QueuedError | null => this.#nextError(wanted);
    const follower = countIn(this.#errorQueue);
    return itemsOf(this, take, pickOptions<WaitOptions>(options, WAIT_OPTIONS), follower);
  }

  /**
   * Iterates the messages, until the peer of a stream ends it, or the socket is shut down for reading and empty. It does not read
   * the error queue: see {@link Socket.errors}. Throws `ERR_CLOSED`, and the errors of recvmsg(2).
   *
   * With IP_RECVERR or IPV6_RECVERR an ICMP error is an entry of the error queue, and also the pending error of the socket. The loop
   * throws it, unless an iteration of {@link Socket.errors} is running, which gives the entry: then the loop goes on. It throws the
   * error all the same if recvmsg(2) fails 1,000 times in a row without an entry being read meanwhile.
   */
  values(options: MessagesOptions = {}): AsyncIterableIterator<Message, undefined, undefined> {
    optionsObject('options', options, MESSAGES_OPTIONS);
    const wanted = pickOptions<ReceiveOptions>(options, RECEIVE_OPTIONS);
    const take = (): Message | null | typeof END => {
      const message = receiveMessage(this, this.#family, this.#type, wanted);
      return message !== null && isEnd(message, this.#type) ? END : message;
    };
    const queue = this.#errorQueue;
    let failures = 0;
    let entries = 0;
    const takeDespiteErrors = (): Message | null | typeof END | typeof AGAIN => {
      // Each report clears the pending error, and the message behind it is next, unless another error has come.
      for (let reports = 0; reports < MAX_PENDING_ERRORS; reports += 1) {
        try {
          const message = take();
          failures = 0;
          return message;
        } catch (error) {
          if (queue.iterations === 0) throw error;
          if (!isQueued(error, this.fd, this.#family, this.#type)) throw error;
          if (queue.entries !== entries) failures = 0;
          entries = queue.entries;
          failures += 1;
          if (failures === MAX_FAILURES) throw error;
        }
      }
      return AGAIN;
    };
    return itemsOf(this, takeDespiteErrors, pickOptions<WaitOptions>(options, WAIT_OPTIONS));
  }

  /** As {@link Socket.values}, without descriptors and credentials; for a listening socket as {@link Socket.connections}. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Message, undefined, undefined> {
    if (this.getOption(SOL_SOCKET, SO_ACCEPTCONN) === 0) return this.values();
    // listen() has returned this object as a ListeningSocket, whose iterator has the type of connections().
    return this.connections() as unknown as AsyncIterableIterator<Message, undefined, undefined>;
  }
}

/** Counts an iteration over the error queue from its begin to its end. */
function countIn(errorQueue: { iterations: number }): Follower {
  return {
    begin: () => {
      errorQueue.iterations += 1;
    },
    end: () => {
      errorQueue.iterations -= 1;
    },
  };
}

/** Makes the object for an open socket. There is no public constructor. */
export const makeSocket: MakeSocket = make;
