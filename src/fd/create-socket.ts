/** Creates sockets of any family and type. */
import { fd as native } from '../internal/binding.js';
import type { OptionNames } from '../internal/option-names.js';
import { optionsObject } from '../internal/option-names.js';
import { optionalInteger } from '../internal/validate.js';
import type { FamilyName } from './address.js';
import { familyNumber } from './native-address.js';
import { checked, checkedPair } from './results.js';
import type { SocketType } from './socket-type.js';
import { typeNumber } from './socket-type.js';
import type { Socket } from './socket.js';
import { makeSocket } from './socket.js';

/** What else a socket is made with. */
export interface SocketOptions {
  /** The protocol's number: of `netlink` the family of messages, of a `raw` one what follows IP. Default 0. */
  protocol?: number | undefined;
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
  type?: SocketType | number | undefined;
  /** Default `unix`. */
  family?: FamilyName | number | undefined;
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
  const [first, second] = checkedPair(
    native.socketPair(domain, kind, protocolOf(options)),
    'socketpair',
  );
  return [makeSocket(first, domain, kind), makeSocket(second, domain, kind)];
}
