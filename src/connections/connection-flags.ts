/** The states of a connection as bits of one number, so that an idle connection takes little memory. */

/** The peer's end arrived. */
export const READ_ENDED = 1;
/** The consumer took the peer's end. */
export const END_TAKEN = 2;
/** This side has ended the connection, or a send has failed: nothing more can be written. */
export const WRITE_ENDED = 4;
/** Both directions are over; the connection has its close reason. */
export const OVER = 8;
/** More than `readHighWaterMark` is unread, so receiving pauses. */
export const PAUSED = 16;
/** `unref()` was called. */
export const UNREFED = 32;
/** A read was rejected with the connection's error. Later reads get the end. */
export const ERROR_TOLD = 64;
/** The consumer has left: the connection drops the bytes that still arrive. */
export const LEFT = 128;
/** With `server.events()`: the send queue is at the high watermark, so this connection's events wait. */
export const CONGESTED = 256;
/** `pause()` was called. */
export const STOPPED = 512;
/** Any of these holds back the connection's events. */
export const HELD: number = CONGESTED | STOPPED;
/** The server closes: the connection ends as soon as it is idle. */
export const CLOSING = 1024;
/** While the server closes: a check whether the connection is idle is due after the next round of the loop. */
export const LOOKS_SOON = 2048;
/** The connection has a protocol, or had one: what arrives is messages, which `Late.messages` keeps. */
export const MESSAGES = 4096;
/** With `server.events()`: an event of the connection waits for the consumer, and later ones wait behind it. */
export const EVENT_WAITS = 8192;
/** The bits from this one on count the chunks that are lent to the connection's consumer, whether or not it took them. */
export const LENT_SHIFT = 14;
/** The largest count that fits into these bits. */
export const MOST_LENT: number = 2 ** 17 - 1;
