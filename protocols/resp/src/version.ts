/** Which version of RESP a server writes to a connection. */

/** A version of RESP. */
export type Version = 2 | 3;

/** The connections that get RESP3. */
const withThree = new WeakSet<object>();
let isUsed = false;

/** Sets the version that replies to this connection are written in, from now on. Call it for `HELLO`. A new connection has 2. */
export function setVersion(connection: object, version: Version): void {
  if (version === 3) {
    withThree.add(connection);
    isUsed = true;
  } else if (version === 2) withThree.delete(connection);
  else throw new RangeError('the version must be 2 or 3');
}

/** Whether replies to this connection are written in RESP3. */
export function hasThree(connection: object): boolean {
  return isUsed && withThree.has(connection);
}
