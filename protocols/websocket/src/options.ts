/** What a program chooses, and how the addon gets it. */
import { inspect } from 'node:util';

/** How messages are compressed (RFC 7692). */
export interface DeflateOptions {
  /** The effort, from 1 (fast) to 9. Default 6. */
  readonly level?: number | undefined;
  /** Shorter messages are not compressed. In bytes. Default 1024. */
  readonly threshold?: number | undefined;
  /**
   * The server forgets its window after each message. Messages get longer, and the server needs no memory for compression between
   * them: some 300 KiB for each connection that has sent a compressed message. Default false.
   */
  readonly serverNoContextTakeover?: boolean | undefined;
  /** The client forgets its window after each message. Default false. */
  readonly clientNoContextTakeover?: boolean | undefined;
  /** The most that the server's window may be, as a power of two, 9 to 15. Default 15. */
  readonly serverMaxWindowBits?: number | undefined;
  /** The most that the client's window may be, as a power of two, 9 to 15. Default 15. */
  readonly clientMaxWindowBits?: number | undefined;
}

/** The options of {@link websocket}. Times are in milliseconds, and 0 turns one off. */
export interface WebSocketOptions {
  /**
   * The longest message of the peer in bytes, after decompression; at most 48 MiB. A longer one ends the connection with code 1009.
   * Default 1 MiB.
   */
  readonly maxMessage?: number | undefined;
  /** The longest payload of one frame, in bytes. Default: `maxMessage`. */
  readonly maxFrame?: number | undefined;
  /** Messages come as {@link MessagePart}s while they arrive, and are never held as a whole. Default false. */
  readonly fragments?: boolean | undefined;
  /**
   * The longest such part, in bytes, at least 1024. Parts of compressed messages may be up to 128 KiB longer. Default 64 KiB.
   */
  readonly maxFragment?: number | undefined;
  /** Pings and pongs of the peer come as messages too. Pings are answered in any case. Default false. */
  readonly control?: boolean | undefined;
  /** The kinds of messages that are accepted. Others end the connection with code 1003. Default `both`. */
  readonly accepts?: 'both' | 'text' | 'binary' | undefined;
  /** Compress messages if the peer agrees. Default false. */
  readonly deflate?: boolean | DeflateOptions | undefined;
  /**
   * A server: the subprotocols that it speaks; it chooses the first one that the client asked for and that is among them. A client:
   * those that it asks for, the preferred one first.
   */
  readonly subprotocols?: readonly string[] | undefined;
  /**
   * A server: the origins that are allowed, as `https://example.com`, without a path and without the scheme's own port. `null` stands for a
   * request without the header Origin, which no browser makes. The text `'null'` is what browsers send for a page without an origin.
   * Others are refused with status 403. Default: all are allowed.
   */
  readonly origins?: readonly (string | null)[] | undefined;
  /**
   * A server: the program answers each handshake by writing `{ type: 'accept' }` or `{ type: 'reject' }`. Default false: each correct
   * handshake is accepted.
   */
  readonly decide?: boolean | undefined;
  /** A client: where it connects, as `ws://example.com:8080/chat`. A client needs it. */
  readonly url?: string | URL | undefined;
  /** A client: further headers of its request. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** The longest head of a request or response, in bytes, 256 to 1 MiB. Default 16 KiB. */
  readonly maxHead?: number | undefined;
  /** The most headers in it, 8 to 1000. Default 100. */
  readonly maxHeaders?: number | undefined;
  /** How long the handshake may take, with the program's answer. Default 10,000. */
  readonly handshakeTimeout?: number | undefined;
  /** How long the peer may take to answer a close frame. Default 10,000. */
  readonly closeTimeout?: number | undefined;
  /** The time between two pings. Default 30,000. */
  readonly pingInterval?: number | undefined;
  /** How long nothing may come from the peer after a ping. Default 20,000. */
  readonly pongTimeout?: number | undefined;
}

/** The names of {@link WebSocketOptions}. The addon has other names for some of them. */
const optionNames: Readonly<Record<keyof WebSocketOptions, true>> = {
  maxMessage: true,
  maxFrame: true,
  fragments: true,
  maxFragment: true,
  control: true,
  accepts: true,
  deflate: true,
  subprotocols: true,
  origins: true,
  decide: true,
  url: true,
  headers: true,
  maxHead: true,
  maxHeaders: true,
  handshakeTimeout: true,
  closeTimeout: true,
  pingInterval: true,
  pongTimeout: true,
};

/** The options as the addon takes them: it checks their types and ranges. */
export function nativeOptions(options: WebSocketOptions = {}): object {
  // The addon refuses what is no object.
  if (typeof options !== 'object' || options === null || Array.isArray(options)) return options;
  refuseUnknown(options, optionNames, '');
  const { deflate, headers, origins, url, ...rest } = options;
  const native: Record<string, unknown> = { ...rest };
  if (deflate !== undefined) addDeflate(native, deflate);
  if (headers !== undefined) native['headers'] = lines(headers);
  if (origins !== undefined) native['origins'] = nativeOrigins(origins);
  if (url !== undefined) addUrl(native, url);
  return native;
}

/** Throws for the first name in `given` that `known` does not have. */
function refuseUnknown(given: object, known: object, where: string): void {
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(known, name));
  if (unknown === undefined) return;
  const names = Object.keys(known).map((name) => `'${name}'`);
  const text = `unknown option '${unknown}'${where}; known are ${names.join(', ')}`;
  throw wrong(text, 'ERR_UNKNOWN_OPTION');
}

/** The origins with an empty text for `null`. The addon refuses what is no array, and what is no text in it. */
function nativeOrigins(origins: readonly (string | null)[]): unknown {
  if (!Array.isArray(origins)) return origins;
  return origins.map((origin: unknown) => {
    if (typeof origin === 'string' && !isOrigin(origin))
      throw wrong(`origins must be as 'https://example.com', not ${inspect(origin)}`);
    return origin === null ? '' : origin;
  });
}

/** Whether a client may send the text in its header Origin (RFC 6454, section 7.1): browsers send no path and not the scheme's own port. */
function isOrigin(text: string): boolean {
  if (text === 'null') return true;
  if (!/^[a-z][\w+.-]*:\/\/[^\s/?#@*]+$/i.test(text) || !URL.canParse(text)) return false;
  const { protocol, host } = new URL(text);
  return text.toLowerCase() === `${protocol}//${host}`.toLowerCase();
}

/** The options of {@link DeflateOptions}, by their names in the addon. */
const deflateNames: Readonly<Record<keyof DeflateOptions, string>> = {
  level: 'deflateLevel',
  threshold: 'deflateThreshold',
  serverNoContextTakeover: 'serverNoContextTakeover',
  clientNoContextTakeover: 'clientNoContextTakeover',
  serverMaxWindowBits: 'serverMaxWindowBits',
  clientMaxWindowBits: 'clientMaxWindowBits',
};

function addDeflate(native: Record<string, unknown>, deflate: boolean | DeflateOptions): void {
  // The addon refuses what is neither of both.
  if (typeof deflate !== 'object' || deflate === null || Array.isArray(deflate)) {
    native['deflate'] = deflate;
    return;
  }
  native['deflate'] = true;
  refuseUnknown(deflate, deflateNames, ' in deflate');
  for (const [name, value] of Object.entries(deflate))
    native[deflateNames[name as keyof DeflateOptions]] = value;
}

function addUrl(native: Record<string, unknown>, value: string | URL): void {
  const text = String(value);
  if (!URL.canParse(text)) throw wrongUrl(text);
  const { host, pathname, search, hash, username, protocol } = new URL(text);
  if (protocol !== 'ws:' || hash !== '' || username !== '') throw wrongUrl(text);
  // The server's own port, so that a server which compares finds it: URL leaves it away.
  native['host'] = host;
  native['path'] = pathname + search;
}

function wrongUrl(url: string): TypeError {
  return wrong(`url must be ws://host:port/path, not '${url}'`);
}

/** The error of an option with a wrong value. */
function wrong(text: string, code = 'ERR_INVALID_ARG_VALUE'): TypeError {
  return Object.assign(new TypeError(`websocket: ${text}`), { code });
}

/** Headers as lines. */
export function lines(headers: Readonly<Record<string, string>>): string[] {
  // An array, a Map or Headers would give no entries, or other ones.
  if (typeof headers !== 'object' || headers === null || Symbol.iterator in headers)
    throw wrong(`headers must be an object with a text for each name, not ${inspect(headers)}`);
  return Object.entries(headers).map(([name, value]) => {
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name))
      throw wrong(`headers: '${name}' is not the name of a header`);
    // Control characters would end the header.
    // oxlint-disable-next-line no-control-regex
    if (typeof value !== 'string' || /[\u0000-\u0008\u000a-\u001f\u007f]/.test(value))
      throw wrong(`headers: the value of ${name} must be a text without control characters`);
    return `${name}: ${value}`;
  });
}
