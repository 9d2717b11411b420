/** Channels: who gets what is published. */
import type { Connection } from 'edgepoll';
import { Push } from 'edgepoll-resp';
import type { Command, Reply } from 'edgepoll-resp';

import { globToRegExp } from './glob.js';

export type Client = Connection<unknown, Command, Reply>;

type Kind = 'channel' | 'pattern';

interface Subscriptions {
  readonly channel: Set<string>;
  readonly pattern: Set<string>;
}

export class Channels {
  /** The clients of each channel and of each pattern. */
  readonly #clients = {
    channel: new Map<string, Set<Client>>(),
    pattern: new Map<string, Set<Client>>(),
  };
  readonly #patterns = new Map<string, RegExp>();
  /** What each client has subscribed to. A client without subscriptions is not in here. */
  readonly #subscriptions = new Map<Client, Subscriptions>();

  hasSubscriptions(client: Client): boolean {
    return this.#subscriptions.size > 0 && this.#subscriptions.has(client);
  }

  subscribe(kind: Kind, client: Client, names: readonly string[]): void {
    for (const name of names) {
      this.#of(client)[kind].add(name);
      const clients = this.#clients[kind].get(name);
      if (clients === undefined) this.#clients[kind].set(name, new Set([client]));
      else clients.add(client);
      if (kind === 'pattern') this.#patterns.set(name, globToRegExp(name));
      this.#confirm(kind === 'channel' ? 'subscribe' : 'psubscribe', client, name);
    }
  }

  /** Without names, all are given up. */
  unsubscribe(kind: Kind, client: Client, names: readonly string[]): void {
    const word = kind === 'channel' ? 'unsubscribe' : 'punsubscribe';
    const given = names.length > 0 ? names : [...(this.#subscriptions.get(client)?.[kind] ?? [])];
    for (const name of given) {
      this.#remove(kind, client, name);
      this.#confirm(word, client, name);
    }
    if (given.length === 0) this.#confirm(word, client, null);
  }

  /** Sends the message. Returns how many clients get it. */
  publish(channel: string, message: string): number {
    let count = 0;
    const clients = this.#clients.channel.get(channel) ?? [];
    // Not awaited, so that a slow client delays no other one.
    for (const client of clients) void client.write(new Push(['message', channel, message]));
    count += this.#clients.channel.get(channel)?.size ?? 0;
    for (const [pattern, expression] of this.#patterns) {
      if (!expression.test(channel)) continue;
      const matching = this.#clients.pattern.get(pattern) ?? new Set();
      for (const client of matching) {
        void client.write(new Push(['pmessage', pattern, channel, message]));
      }
      count += matching.size;
    }
    return count;
  }

  /** A client is gone. */
  forget(client: Client): void {
    const subscriptions = this.#subscriptions.get(client);
    if (subscriptions === undefined) return;
    for (const kind of ['channel', 'pattern'] as const) {
      for (const name of subscriptions[kind]) this.#remove(kind, client, name);
    }
  }

  /** The channels that have clients and match the pattern. */
  names(pattern = '*'): string[] {
    const expression = globToRegExp(pattern);
    return [...this.#clients.channel.keys()].filter((name) => expression.test(name));
  }

  clientsOf(channel: string): number {
    return this.#clients.channel.get(channel)?.size ?? 0;
  }

  get patternCount(): number {
    return this.#patterns.size;
  }

  #of(client: Client): Subscriptions {
    let subscriptions = this.#subscriptions.get(client);
    if (subscriptions === undefined) {
      subscriptions = { channel: new Set(), pattern: new Set() };
      this.#subscriptions.set(client, subscriptions);
    }
    return subscriptions;
  }

  #remove(kind: Kind, client: Client, name: string): void {
    const subscriptions = this.#subscriptions.get(client);
    subscriptions?.[kind].delete(name);
    if (subscriptions?.channel.size === 0 && subscriptions.pattern.size === 0) {
      this.#subscriptions.delete(client);
    }
    const clients = this.#clients[kind].get(name);
    clients?.delete(client);
    if (clients?.size !== 0) return;
    this.#clients[kind].delete(name);
    if (kind === 'pattern') this.#patterns.delete(name);
  }

  #confirm(word: string, client: Client, name: string | null): void {
    const subscriptions = this.#subscriptions.get(client);
    const count = (subscriptions?.channel.size ?? 0) + (subscriptions?.pattern.size ?? 0);
    void client.write(new Push([word, name, count]));
  }
}
