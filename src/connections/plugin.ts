/** The plug-in of a protocol, as the native side sees it. */
import { protocolInfo } from '../internal/binding.js';
import type { ErrorCode } from '../internal/error-codes.js';
import { EdgepollError } from '../internal/errors.js';
import { typeError } from '../internal/validate.js';
import type { AnyProtocol } from './protocol.js';

/**
 * Whether the first byte of a message that the program writes is its kind. Throws a `TypeError` if no plug-in has made the protocol's
 * `native`, `ERR_PROTOCOL_MISMATCH` if it has another version of the interface, and `ERR_PROTOCOL_FAULT` if it is none of a protocol.
 */
export function hasKinds({ name, native }: AnyProtocol): boolean {
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
  return encodes && !givesFrames;
}
