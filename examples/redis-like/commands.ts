/** All commands: how many arguments each has, and what it does. */
import { OK, ReplyError } from 'edgepoll-resp';
import type { Command, Reply } from 'edgepoll-resp';

import { Channels } from './channels.js';
import type { Client } from './channels.js';
import * as clients from './clients.js';
import { wrongCount } from './errors.js';
import { Keys } from './keys.js';
import * as strings from './strings.js';

type Args = readonly string[];
/** Without a reply, the command has written its own. */
type Run = (args: Args, client: Client) => Reply | undefined;

interface Entry {
  /** The fewest and the most arguments behind the name. */
  readonly least: number;
  readonly most: number;
  readonly run: Run;
}

/** What a client with subscriptions may still send in RESP2, where messages of channels look like replies. */
const whileSubscribed = new Set(
  'SUBSCRIBE PSUBSCRIBE UNSUBSCRIBE PUNSUBSCRIBE PING QUIT RESET'.split(' '),
);

export class Commands {
  readonly keys = new Keys();
  readonly channels = new Channels();
  readonly #entries = new Map<string, Entry>();
  /** Clients that have said QUIT. What they sent after it is not run. */
  readonly #quitting = new Set<Client>();

  constructor() {
    this.#addKeys();
    this.#addClients();
    this.#addChannels();
  }

  /** Runs a command. Returns its reply, if it has not written its own. */
  run({ name, args }: Command, client: Client): Reply | undefined {
    if (this.hasQuit(client)) return undefined;
    try {
      const entry = this.#entries.get(name);
      if (entry === undefined) return unknown(name, args);
      if (args.length < entry.least || args.length > entry.most) return wrongCount(name);
      if (this.channels.hasSubscriptions(client)) refuseWhileSubscribed(name, client);
      return entry.run(args, client);
    } catch (error) {
      if (error instanceof ReplyError) return error;
      throw error;
    }
  }

  hasQuit(client: Client): boolean {
    return this.#quitting.size > 0 && this.#quitting.has(client);
  }

  /** A client is gone. */
  forget(client: Client): void {
    this.channels.forget(client);
    this.#quitting.delete(client);
  }

  #add(name: string, least: number, most: number, run: Run): void {
    this.#entries.set(name, { least, most, run });
  }

  #addKeys(): void {
    const { keys } = this;
    const add = (
      name: string,
      least: number,
      most: number,
      run: (store: Keys, args: Args) => Reply,
    ): void => this.#add(name, least, most, (args) => run(keys, args));
    add('GET', 1, 1, strings.get);
    add('SET', 2, Infinity, strings.set);
    add('SETNX', 2, 2, strings.setnx);
    add('SETEX', 3, 3, strings.setWithEnd('setex', 'EX'));
    add('PSETEX', 3, 3, strings.setWithEnd('psetex', 'PX'));
    add('MGET', 1, Infinity, strings.mget);
    add('MSET', 2, Infinity, strings.mset);
    add('DEL', 1, Infinity, strings.del);
    add('UNLINK', 1, Infinity, strings.del);
    add('EXISTS', 1, Infinity, strings.exists);
    add('TYPE', 1, 1, strings.type);
    add('KEYS', 1, 1, strings.find);
    add('APPEND', 2, 2, strings.append);
    add('STRLEN', 1, 1, strings.strlen);
    add('INCR', 1, 1, strings.step(1n));
    add('DECR', 1, 1, strings.step(-1n));
    add('INCRBY', 2, 2, strings.stepBy(1n));
    add('DECRBY', 2, 2, strings.stepBy(-1n));
    add('EXPIRE', 2, Infinity, strings.expire('expire', 'EX'));
    add('PEXPIRE', 2, Infinity, strings.expire('pexpire', 'PX'));
    add('EXPIREAT', 2, Infinity, strings.expire('expireat', 'EXAT'));
    add('PEXPIREAT', 2, Infinity, strings.expire('pexpireat', 'PXAT'));
    add('TTL', 1, 1, strings.timeLeft(1000));
    add('PTTL', 1, 1, strings.timeLeft(1));
    add('PERSIST', 1, 1, strings.persist);
    add('DBSIZE', 0, 0, () => keys.size);
    for (const name of ['FLUSHALL', 'FLUSHDB']) {
      add(name, 0, 1, (_, args) => {
        clients.checkFlush(args);
        keys.clear();
        return OK;
      });
    }
  }

  #addClients(): void {
    const { keys, channels } = this;
    this.#add('PING', 0, 1, (args, client) =>
      clients.ping(client, args, channels.hasSubscriptions(client)),
    );
    this.#add('ECHO', 1, 1, ([message = '']) => message);
    this.#add('HELLO', 0, Infinity, (args, client) => clients.hello(client, args));
    this.#add('CLIENT', 1, Infinity, (args, client) => clients.client(client, args));
    this.#add('SELECT', 1, 1, clients.select);
    this.#add('CONFIG', 1, Infinity, clients.config);
    this.#add('FUNCTION', 1, Infinity, clients.functions);
    this.#add('INFO', 0, Infinity, () => clients.info(keys.size));
    this.#add('COMMAND', 0, Infinity, (args) => clients.command([...this.#entries.keys()], args));
    this.#add('RESET', 0, 0, (_, client) => {
      channels.forget(client);
      return clients.reset(client);
    });
    this.#add('QUIT', 0, Infinity, (_, client) => {
      this.#quitting.add(client);
      void client.end(OK);
      return undefined;
    });
  }

  #addChannels(): void {
    const { channels } = this;
    const add = (name: string, least: number, run: (client: Client, names: Args) => void): void =>
      this.#add(name, least, Infinity, (args, client) => {
        run(client, args);
        return undefined;
      });
    add('SUBSCRIBE', 1, (client, names) => channels.subscribe('channel', client, names));
    add('PSUBSCRIBE', 1, (client, names) => channels.subscribe('pattern', client, names));
    add('UNSUBSCRIBE', 0, (client, names) => channels.unsubscribe('channel', client, names));
    add('PUNSUBSCRIBE', 0, (client, names) => channels.unsubscribe('pattern', client, names));
    this.#add('PUBLISH', 2, 2, ([channel = '', message = '']) =>
      channels.publish(channel, message),
    );
    this.#add('PUBSUB', 1, Infinity, ([subcommand = '', ...args]) => {
      switch (subcommand.toUpperCase()) {
        case 'CHANNELS':
          return channels.names(args[0]);
        case 'NUMSUB':
          return args.flatMap((name) => [name, channels.clientsOf(name)]);
        case 'NUMPAT':
          return channels.patternCount;
        default:
          throw clients.unknownSubcommand('PUBSUB', subcommand);
      }
    });
  }
}

function refuseWhileSubscribed(name: string, client: Client): void {
  if (clients.versionOf(client) === 3 || whileSubscribed.has(name)) return;
  const allowed = '(P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET';
  throw new ReplyError(
    `ERR Can't execute '${name.toLowerCase()}': only ${allowed} are allowed in this context`,
  );
}

function unknown(name: string, args: Args): ReplyError {
  const begin = args
    .map((arg) => `'${arg.slice(0, 128)}' `)
    .join('')
    .slice(0, 128);
  return new ReplyError(
    `ERR unknown command '${name.slice(0, 128)}', with args beginning with: ${begin}`,
  );
}
