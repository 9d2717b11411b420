/** Reads and sets socket options (getsockopt(2), setsockopt(2)). A part of a structure is never returned as an integer. */
import { endianness } from 'node:os';

import { fd as native } from '../internal/binding.js';
import { EdgepollError, systemError } from '../internal/errors.js';
import { integer, isBytes } from '../internal/validate.js';
import { constants } from './constants.js';
import type { Credentials } from './message-parts.js';
import { optionalInterface, toNative } from './native-address.js';
import type { Descriptor } from './owned.js';
import { checked } from './results.js';

const isLittle = endianness() === 'LE';

/** The size of an integer option in bytes. Reading one makes more room, to find out whether the option is larger. */
const INTEGER = 4;
const OPTION_ROOM = 64;

const U32 = 2 ** 32 - 1;

/** Returns the bytes of an option, at most `length`. */
export function optionBytes(fd: number, level: number, name: number, length: number): Buffer {
  const value = native.socketOptionBytes(fd, level, name, length);
  if (typeof value === 'number') throw systemError(-value, { syscall: 'getsockopt', fd });
  return value;
}

/** Returns the value of an integer option. */
export function optionNumber(fd: number, level: number, name: number): number {
  const value = optionBytes(fd, level, name, OPTION_ROOM);
  if (value.length === INTEGER)
    return new DataView(value.buffer, value.byteOffset).getInt32(0, isLittle);
  const size =
    value.length === OPTION_ROOM ? `${OPTION_ROOM} bytes or more` : `${value.length} bytes`;
  const message = `option ${name} of level ${level} has ${size}, not the ${INTEGER} of an integer: use getOptionBytes()`;
  throw new EdgepollError('ERR_OPTION_LENGTH', message, { syscall: 'getsockopt', fd });
}

/** See {@link Socket.peerCredentials}. */
export function peerCredentials(fd: number): Credentials | undefined {
  // struct ucred of unix(7): pid, uid, gid.
  const bytes = optionBytes(fd, constants.SOL_SOCKET, constants.SO_PEERCRED, 12);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const [pid = 0, uid = U32, gid = U32] = [0, 4, 8].map((at) => view.getUint32(at, isLittle));
  // Without a peer process the kernel gives the user −1.
  return uid === U32 ? undefined : { pid, uid, gid };
}

/** See {@link Socket.setOption}. */
export function setSocketOption(
  owner: Descriptor,
  level: number,
  name: number,
  value: number | boolean | Uint8Array,
): void {
  if (isBytes(value)) {
    const { fd } = owner;
    const bytes = Uint8Array.from(value);
    checked(native.socketSetBytes(fd, level, name, bytes), 'setsockopt', { fd });
    return;
  }
  const whole =
    typeof value === 'boolean' ? Number(value) : integer('value', value, -(2 ** 31), U32);
  const { fd } = owner;
  checked(native.socketSetOption(fd, level, name, whole | 0), 'setsockopt', { fd });
}

/** Joins or leaves a multicast group. See {@link Socket.joinGroup}. */
export function setMembership(
  owner: Descriptor,
  family: number,
  group: string,
  onInterface: unknown,
  join: boolean,
): void {
  const name = family === constants.AF_INET6 ? 'inet6' : 'inet';
  toNative({ family: name, address: group, port: 0 }, 'setsockopt');
  const index = optionalInterface(onInterface);
  const { fd } = owner;
  checked(native.socketMembership(fd, group, index, join), 'setsockopt', { fd });
}
