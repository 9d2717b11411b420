/** What a server receives: commands, and with the option `stream` the parts of long arguments. */
import type { MessageView } from 'edgepoll';

import { ARGUMENTS, MOST_FIELDS, PART } from './kinds.js';
import { parseBulks } from './raw.js';

/** A command of a client. `T` is what its arguments are: `string` or `Buffer`. */
export class Command<T = string> {
  /** The place of the name in the option `commands`, counted from 1; 0 for all others. */
  readonly kind: number;
  /** The name, in upper case. */
  readonly name: string;
  /** The arguments behind the name. */
  readonly args: readonly T[];
  /** With the option `stream`: whether an argument follows that comes in parts. */
  readonly continues: boolean;

  constructor(kind: number, name: string, args: readonly T[], continues = false) {
    this.kind = kind;
    this.name = name;
    this.args = args;
    this.continues = continues;
  }

  get type(): 'command' {
    return 'command';
  }
}

/** A part of an argument that is longer than the option `stream` allows. */
export class CommandPart {
  readonly bytes: Buffer;
  /** How many bytes of this argument are still to come. */
  readonly left: number;
  /** Whether this is not the end of the command: more of this argument, or further arguments follow. */
  readonly continues: boolean;

  constructor(bytes: Buffer, left: number, continues: boolean) {
    this.bytes = bytes;
    this.left = left;
    this.continues = continues;
  }

  get type(): 'part' {
    return 'part';
  }
}

/** The arguments behind one that came in parts. */
export class MoreArguments<T = string> {
  readonly args: readonly T[];
  /** Whether a further argument follows that comes in parts. */
  readonly continues: boolean;

  constructor(args: readonly T[], continues: boolean) {
    this.args = args;
    this.continues = continues;
  }

  get type(): 'arguments' {
    return 'arguments';
  }
}

export function readText(message: MessageView): Command | CommandPart | MoreArguments {
  const { kind, fields } = message;
  if (kind >= ARGUMENTS) return readMore(message, textOf);
  if (fields > MOST_FIELDS) {
    return new Command(kind, message.name(0), readMany(message, 1, textOf), message.continues);
  }
  return new Command(kind, message.name(0), readArgs(message, fields), message.continues);
}

/** The arguments behind the name. An array that is made with its elements takes less memory than one that grows. */
function readArgs(message: MessageView, fields: number): string[] {
  switch (fields) {
    case 1:
      return [];
    case 2:
      return [message.name(1)];
    case 3:
      return [message.name(1), message.text(2)];
    default: {
      const args = [message.name(1), message.text(2), message.text(3)];
      for (let field = 4; field < fields; field += 1) args.push(message.text(field));
      return args;
    }
  }
}

export function readBytes(
  message: MessageView,
): Command<Buffer> | CommandPart | MoreArguments<Buffer> {
  const { kind } = message;
  if (kind >= ARGUMENTS) return readMore(message, bytesOf);
  return new Command(kind, message.name(0), readMany(message, 1, bytesOf), message.continues);
}

/** How an argument is read: from a field, and from bytes. */
interface Reading<T> {
  readonly field: (message: MessageView, field: number) => T;
  readonly raw: (bytes: Buffer) => T;
}

const textOf: Reading<string> = {
  field: (message, field) => message.text(field),
  raw: (bytes) => bytes.toString(),
};

const bytesOf: Reading<Buffer> = {
  field: (message, field) => message.bytes(field),
  raw: (bytes) => Buffer.from(bytes),
};

function readMore<T>(message: MessageView, reading: Reading<T>): CommandPart | MoreArguments<T> {
  if (message.kind === PART)
    return new CommandPart(message.bytes(0), message.number(1), message.continues);
  return new MoreArguments(readMany(message, 0, reading), message.continues);
}

/** The arguments from field `first` on. */
function readMany<T>(message: MessageView, first: number, { field, raw }: Reading<T>): T[] {
  const args: T[] = [];
  const { fields } = message;
  const last = Math.min(fields, MOST_FIELDS);
  for (let index = first; index < last; index += 1) args.push(field(message, index));
  // Of a very long command, the rest comes as it was sent.
  if (fields > MOST_FIELDS) {
    for (const bytes of parseBulks(message.view(MOST_FIELDS + 1))) args.push(raw(bytes));
  }
  return args;
}
