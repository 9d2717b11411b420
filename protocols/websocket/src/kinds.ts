/** The kinds of messages, as src/kind.rs has them. */

export const OPEN = 0;
export const TEXT = 1;
export const BINARY = 2;
export const ACCEPT = 3;
export const REJECT = 4;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;

/** Added to TEXT or BINARY of what is written: the message goes on. */
export const MORE = 0x80;
/** Added to TEXT or BINARY of what is written: it is not compressed. */
export const PLAIN = 0x40;
