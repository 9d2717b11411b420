/** Creates sockets of any family and type (socket(2), socketpair(2)). */
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

/** The options of {@link socket}. */
export interface SocketOptions {
  /** The number of the protocol: for `netlink` the family of messages, for `raw` sockets the protocol in the IP header. Default 0. */
  protocol?: number | undefined;
}

const SOCKET_OPTIONS: OptionNames<SocketOptions> = { protocol: true };

function protocolOf(options: SocketOptions): number {
  return optionalInteger('protocol', options.protocol, 0, 2 ** 31 - 1, 0);
}

/**
 * Creates a socket of any family and type, close-on-exec and non-blocking (socket(2)). Pass a number for a family or a type that has
 * no name here. Throws `EAFNOSUPPORT` if this kernel does not have the family, `EPROTONOSUPPORT`, `EPERM` or `EACCES` for a socket that
 * needs a privilege (raw sockets do), `EMFILE`, `ENFILE`, `TypeError`, `RangeError`.
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

/** The options of {@link socketpair}. */
export interface SocketPairOptions extends SocketOptions {
  /** The type of both sockets. Default `stream`. */
  type?: SocketType | number | undefined;
  /** The family of both sockets. Default `unix`. */
  family?: FamilyName | number | undefined;
}

const SOCKETPAIR_OPTIONS: OptionNames<SocketPairOptions> = {
  ...SOCKET_OPTIONS,
  type: true,
  family: true,
};

/**
 * Creates two sockets that are connected to each other (socketpair(2)). Throws as {@link socket}, and `EOPNOTSUPP` if the family has no
 * pairs.
 */
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
