/** What a connection gives, and what can be written to it. */

/** The handshake is complete, or with the option `decide`, it waits for an answer. The first message of a connection. */
export interface Open {
  readonly type: 'open';
  /** The path and the query that the client asked for. On a client it is empty. */
  readonly path: string;
  /** The subprotocol, if one was chosen. */
  readonly protocol: string | undefined;
  /** The subprotocols that the client asked for. On a client they are empty. */
  readonly protocols: readonly string[];
  /** The headers of the request, or of the response. Names are in lower case; values of the same name are joined by `, `. */
  readonly headers: Readonly<Record<string, string>>;
  /** Whether the sides may compress. */
  readonly deflate: boolean;
  /** Whether an {@link Accept} or a {@link Reject} has to be written. */
  readonly undecided: boolean;
}

/** The peer has sent its close frame. Nothing follows. It has been answered, if the program does not answer at once. */
export interface Close {
  readonly type: 'close';
  /** The code of RFC 6455, section 7.4. 1005 if the frame has none. */
  readonly code: number;
  readonly reason: string;
}

/** A ping or a pong of the peer, with the option `control`. */
export interface Control {
  readonly type: 'ping' | 'pong';
  readonly data: Buffer;
}

/** A part of a message, with the option `fragments`. A text is cut between characters. */
export interface MessagePart {
  readonly type: 'part';
  readonly data: string | Buffer;
  /** Whether another part of the same message follows. */
  readonly more: boolean;
}

/** To write: accepts the handshake. */
export interface Accept {
  readonly type: 'accept';
  /** The subprotocol: one of those that the client asked for. Default: none. */
  readonly protocol?: string | undefined;
  /** Further headers of the response. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** To write: refuses the handshake with an HTTP response. */
export interface Reject {
  readonly type: 'reject';
  /** The status, from 300 to 599. */
  readonly status: number;
  /** The text beside it. Default: that of `node:http`. */
  readonly reason?: string | undefined;
  /** Headers of the response. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** The content of the response. Default: none. */
  readonly body?: string | undefined;
}

/** To write: a message, or a part of one. */
export interface Part {
  readonly type: 'text' | 'binary';
  readonly data: string | Uint8Array;
  /** The message goes on with the next part that is written. Default false. */
  readonly more?: boolean | undefined;
  /** False: the message is not compressed. Decided by its first part. Default true, if it was agreed on. */
  readonly compress?: boolean | undefined;
}

/** To write: a close frame. The connection ends once the peer has answered it. */
export interface CloseFrame {
  readonly type: 'close';
  /** 1000 to 1003, 1007 to 1014, or 3000 to 4999. Default 1000. */
  readonly code?: number | undefined;
  /** At most 123 bytes of UTF-8. Default: empty. */
  readonly reason?: string | undefined;
}

/** To write: a ping or a pong, of at most 125 bytes. */
export interface ControlFrame {
  readonly type: 'ping' | 'pong';
  readonly data?: string | Uint8Array | undefined;
}

/** What can be written: a text, a binary message, or one of these. */
export type Outgoing = string | Uint8Array | Accept | Reject | Part | CloseFrame | ControlFrame;
