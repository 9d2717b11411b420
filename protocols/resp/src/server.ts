/** The protocol of a server. */
import type { Protocol } from 'edgepoll';

import { addon } from './addon.js';
import type { Command, CommandPart, MoreArguments } from './command.js';
import { readBytes, readText } from './command.js';
import type { Limits } from './options.js';
import type { Reply } from './reply.js';
import { writeReply } from './write-reply.js';

/** The options of {@link resp}. */
export interface ServerOptions extends Limits {
  /** What arguments are: `text`, which reads bytes as UTF-8, or `bytes`. Default `text`. */
  readonly arguments?: 'text' | 'bytes' | undefined;
  /** Names of commands, at most 250. A command has the place of its name as `kind`, from 1 on. Default: none. */
  readonly commands?: readonly string[] | undefined;
  /** The most arguments of a command, with its name. Default 1,048,576. */
  readonly maxArguments?: number | undefined;
  /**
   * Refuse commands of more than 10 arguments, or with an argument above 16,384 bytes, as Redis does before a client has
   * authenticated. Upgrade the connection to a protocol without this once it has. Default false.
   */
  readonly unauthenticated?: boolean | undefined;
}

/** What a server receives with these options. */
export type Incoming<Options> = Options extends { readonly arguments: 'bytes' }
  ? Command<Buffer> | Streamed<Options, CommandPart | MoreArguments<Buffer>>
  : Command | Streamed<Options, CommandPart | MoreArguments>;

type Streamed<Options, Parts> = Options extends { readonly stream: number } ? Parts : never;

/**
 * The protocol of a server: `listen({ protocol: resp() })`. It receives commands and writes replies.
 *
 * A command that is malformed or above a limit is answered with `-ERR Protocol error: …`, and the connection ends.
 */
export function resp<const Options extends ServerOptions>(
  options?: Options,
): Protocol<Incoming<Options>, Reply> {
  // It checks all options.
  const native = addon.resp(options);
  return {
    name: 'resp',
    native,
    decode: (options?.arguments === 'bytes' ? readBytes : readText) as Protocol<
      Incoming<Options>,
      Reply
    >['decode'],
    encode: writeReply,
  };
}
