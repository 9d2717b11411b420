/** The plug-in of a protocol, as the native side sees it. */
import { protocolInfo } from '../internal/binding.js';
import type { ErrorCode } from '../internal/error-codes.js';
import { EdgepollError } from '../internal/errors.js';
import { typeError } from '../internal/validate.js';
import type { AnyProtocol } from './protocol.js';

/** What the sessions of a protocol do with the messages that the program writes. */
export interface Encoding {
  /** Whether they make the bytes that leave. Then each message is passed on alone. */
  readonly encodes: boolean;
  /** Whether the first byte of a message is its kind. */
  readonly hasKinds: boolean;
}

/** The encoding of connections without a protocol. */
const NONE: Encoding = { encodes: false, hasKinds: false };

/**
 * How the messages of a protocol, if there is one, are encoded. Throws a `TypeError` if no plug-in has made the protocol's `native`,
 * `ERR_PROTOCOL_MISMATCH` if it has another version of the interface, and `ERR_PROTOCOL_FAULT` if it is the plug-in of a
 * layer.
 */
export function encodingOf(protocol: AnyProtocol | undefined): Encoding {
  if (protocol === undefined) return NONE;
  const { name, native } = protocol;
  const info = protocolInfo(native);
  if (info === null)
    throw typeError('protocol.native', 'what a function of a plug-in returned', native);
  const { abi, hostAbi, refusal, encodes, givesFrames } = info;
  const refuse = (code: ErrorCode, reason: string): EdgepollError =>
    new EdgepollError(code, `${name}: ${reason}`, { protocol: name });
  if (abi !== hostAbi) {
    const need = abi > hostAbi ? 'a newer edgepoll' : 'a newer version of the plug-in';
    const versions = `the plug-in has version ${abi} of the interface, and edgepoll has version ${hostAbi}`;
    throw refuse('ERR_PROTOCOL_MISMATCH', `${versions}; install ${need}`);
  }
  if (refusal !== undefined) throw refuse('ERR_PROTOCOL_FAULT', refusal);
  return { encodes, hasKinds: encodes && !givesFrames };
}
