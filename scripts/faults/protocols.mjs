// The seeded faults of protocols: of sessions in the core, and of messages in JavaScript. See list.mjs.

import { framings, native, packaged } from './commands.mjs';

const reactor = 'crates/edgepoll/src/reactor';
const connections = 'src/connections';

export const protocolFaults = [
  {
    name: "a protocol's error counts as a framing's",
    file: 'crates/edgepoll/src/connection/wire.rs',
    find: 'is_framing: self.session.gives_frames(),',
    replace: 'is_framing: true,',
    command: native('protocols/faults', "the line 'refuse'"),
  },
  {
    name: 'an upgrade leaves what was not decoded',
    file: `${reactor}/session.rs`,
    find: 'connection.carry_ready = !connection.carry.is_empty() || has_end;',
    replace: 'connection.carry_ready = has_end;',
  },
  {
    name: 'timers of a replaced session expire',
    file: `${reactor}/session.rs`,
    find: 'connection.timers.clear_session();',
    replace: '',
  },
  {
    name: 'a layer is added behind bytes that came before it',
    file: `${reactor}/layers.rs`,
    find: 'if !connection.carry.is_empty() {',
    replace: 'if connection.carry.len() > 1 << 20 {',
  },
  {
    name: 'a timer that has expired stays set',
    file: `${reactor}/session_timers.rs`,
    find: 'timers.clear(timer);',
    replace: '',
  },
  {
    name: 'timers of sessions do not wait for an owner that is behind',
    file: `${reactor}/session_timers.rs`,
    find: 'true => now.saturating_sub(MOST_LATE),',
    replace: 'true => now,',
  },
  {
    name: 'a varint of more than 64 bits loses the others',
    file: 'crates/edgepoll/src/protocol/length_field.rs',
    find: 'if place == MOST_VARINT - 1 && byte > 1 {',
    replace: 'if place == MOST_VARINT {',
    command: framings,
  },
  {
    name: 'the low half of an integer has a sign',
    file: `${connections}/message-view.ts`,
    find: 'return high * 2 ** 32 + (low >>> 0);',
    replace: 'return high * 2 ** 32 + low;',
    command: packaged('protocols/messages', 'every kind of field'),
  },
  {
    name: 'a name is known by its index alone',
    file: `${connections}/message-names.ts`,
    find: 'return this.#ids[index] === id ? this.#texts[index] : undefined;',
    replace: 'return this.#ids[index] === 0 ? undefined : this.#texts[index];',
    command: packaged('protocols/names', 'more names'),
  },
  {
    name: 'the kind of a message that was moved is set where it was',
    file: `${connections}/message-writer.ts`,
    find: 'if (this.#kindAt >= 0) this.#kindAt -= this.#from;',
    replace: '',
    command: packaged('protocols/writing', 'the kind of a long message'),
  },
  {
    name: 'a view stays valid after decode()',
    file: `${connections}/incoming.ts`,
    find: `
      close(view);`,
    replace: '',
    command: packaged('protocols/messages', 'a view is not valid'),
  },
  {
    name: 'all messages of a batch are of its first connection',
    file: `${connections}/batch.ts`,
    find: 'if (isNext) setOrigin(this.#message, part);',
    replace:
      'if (isNext && this.#message.connection === undefined) setOrigin(this.#message, part);',
    command: packaged('protocols/batches', 'opens, messages, ends and closes'),
  },
  {
    name: 'the table of a batch that is not read at once is not copied',
    file: `${connections}/server-batches.ts`,
    find: 'if (contents.used > 0) void SOON.then(this.#detachLater);',
    replace: '',
    command: packaged('protocols/batches', 'a batch that is read late'),
  },
  {
    name: 'an upgraded connection writes as before',
    file: `${connections}/upgrade.ts`,
    find: '...encodingOf(protocol),',
    replace: '',
    command: packaged('protocols/upgrade', 'lines, then a protocol'),
  },
  {
    name: 'a protocol without a name',
    file: `${connections}/protocol-check.ts`,
    find: "if (protocol.name === '')",
    replace: 'if (protocol.name === undefined)',
    command: packaged('protocols/options', 'a protocol that is none is a TypeError: an empty name'),
  },
];
