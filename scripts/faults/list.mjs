// The seeded faults. Each is a mistake that some well-known program once made, and the tests must fail with it: `find` stands
// exactly once in `file` and is replaced by `replace`; then `command` runs, without one the tests of `core`.

import { busyPollFaults } from './busy-poll.mjs';
import { busyPoll, memory, native, readiness, unit } from './commands.mjs';
import { protocolFaults } from './protocols.mjs';
import { readinessFaults } from './readiness.mjs';

const linux = 'crates/edgepoll/src/kernel/linux';
const reactor = 'crates/edgepoll/src/reactor';
const connection = 'crates/edgepoll/src/connection';

export const faults = [
  {
    name: 'the address of a closed connection counts on',
    file: `${reactor}/clients.rs`,
    find: 'client.open = client.open.saturating_sub(1);',
    replace: '',
  },
  {
    name: 'refused connections that no event has told of are forgotten',
    file: `${reactor}/listener.rs`,
    find: 'self.must_report |= self.drops.report_at().is_some_and(|at| at <= now);',
    replace: '',
  },
  {
    name: 'no generation compare',
    file: 'crates/edgepoll/src/slots.rs',
    find: `
    pub(crate) fn get_mut(&mut self, token: Token) -> Option<&mut T> {
        let slot = self.slots.get_mut(token.index as usize)?;
        if slot.generation != token.generation {
            return None;
        }`,
    replace: `
    pub(crate) fn get_mut(&mut self, token: Token) -> Option<&mut T> {
        let slot = self.slots.get_mut(token.index as usize)?;`,
  },
  {
    name: 'no generation compare for an event',
    file: 'crates/edgepoll/src/slots.rs',
    find: 'if slot.generation & mask != kept.generation {',
    replace: 'if mask == 0 {',
  },
  {
    name: 'a short generation compared with the whole one',
    file: 'crates/edgepoll/src/slots.rs',
    find: 'if slot.generation & mask != kept.generation {',
    replace: 'if slot.generation != kept.generation || mask == 0 {',
  },
  {
    name: 'a slot with the index of the kernel',
    file: 'crates/edgepoll/src/slots.rs',
    find: '.filter(|index| *index < self.limit)?;',
    replace: '.filter(|index| *index <= self.limit)?;',
  },
  {
    name: 'readable cleared on any short read',
    file: `${connection}/mod.rs`,
    find: 'if length < space && !self.ready.intersects(more_may_wait) {',
    replace: 'if length < space || self.ready == more_may_wait {',
  },
  {
    name: 'a short receive taken for the end of work at an urgent mark',
    file: `${connection}/mod.rs`,
    find: 'Ready::READ_CLOSED | Ready::HANGUP | Ready::ERROR | Ready::PRIORITY;',
    replace: 'Ready::READ_CLOSED | Ready::HANGUP | Ready::ERROR;',
  },
  {
    name: 'readable not cleared on EAGAIN',
    file: `${connection}/mod.rs`,
    find: `
    pub fn handle_receive_blocked(&mut self) {
        self.ready.remove(Ready::READABLE | Ready::PRIORITY);`,
    replace: `
    pub fn handle_receive_blocked(&mut self) {`,
  },
  {
    name: 'budget reached without re-queue',
    file: `${reactor}/turn.rs`,
    find: `let got = self.serve(token, portion, inbox);
        self.list_again(token);`,
    replace: `let got = self.serve(token, portion, inbox);
        if let Some(occupant) = self.slots.get_mut(token) {
            *occupant.listed() = false;
        }`,
  },
  {
    name: 'no bound on the frames of one connection in a turn',
    file: `${reactor}/share.rs`,
    find: 'self.frames > 0 && inbox.room() >= MIN_ROOM',
    replace: 'inbox.room() >= MIN_ROOM',
    alsoIn: [
      {
        file: `${reactor}/share.rs`,
        find: 'room.min((self.frames as usize).saturating_mul(4))',
        replace: 'room',
      },
    ],
  },
  {
    name: 'connections that had a share are always served first',
    file: `${reactor}/turn.rs`,
    find: 'if std::mem::take(&mut self.lists.rest_first) {',
    replace: 'if !std::mem::take(&mut self.lists.rest_first) {',
  },
  {
    name: 'connections that had a share are never served first',
    file: `${reactor}/turn.rs`,
    find: 'self.lists.rest_first = waiting > 0 && !has_rest;',
    replace: 'self.lists.rest_first = waiting > 0 && has_rest && !has_rest;',
  },
  {
    name: 'connections that had a share count as quiet',
    file: `${reactor}/occupant.rs`,
    find: 'if entry.is_busy(clock) => List::Rest,',
    replace: 'if entry.is_busy(clock) && !entry.had_share => List::Rest,',
  },
  {
    name: 'listeners are always served before connections',
    file: `${reactor}/turn.rs`,
    find: 'self.lists.connections_first = !self.serve_connections(inbox) && is_waiting;',
    replace: 'let _ = (self.serve_connections(inbox), is_waiting);',
  },
  {
    name: 'a long batch does not make accepts fewer',
    file: `${reactor}/turn.rs`,
    find: '(self.pace.part(self.budget.accepts) / divisor)',
    replace: '(self.budget.accepts / divisor)',
  },
  {
    name: 'a long batch does not make turns shorter',
    file: `${reactor}/pace.rs`,
    find: 'if took > LONG {',
    replace: 'if took > LONG && took < SHORT {',
  },
  {
    name: 'a connection that failed is served without a bound',
    file: `${connection}/mod.rs`,
    find: 'self.leftover > self.limits.leftover',
    replace: 'self.leftover > u32::MAX - 1',
  },
  {
    name: 'a receive beyond the read watermark',
    file: `${reactor}/receive.rs`,
    find: 'let size = space.len().min(share.bytes);',
    replace: 'let size = space.len();',
    alsoIn: [
      {
        file: `${reactor}/receive.rs`,
        find: 'share.bytes -= length;',
        replace: 'share.bytes = share.bytes.saturating_sub(length);',
      },
    ],
  },
  {
    name: 'SO_ERROR read before recv',
    file: `${reactor}/receive.rs`,
    find: `
        match kernel.receive(socket, space.first(size)) {`,
    replace: `
        let _ = kernel.take_error(socket);
        match kernel.receive(socket, space.first(size)) {`,
  },
  {
    name: 'SO_ERROR read while paused',
    file: `${reactor}/serve.rs`,
    find: 'match kernel.has_input(socket) {',
    replace: 'match kernel.take_error(socket).map_or(Ok(false), Err) {',
  },
  {
    name: 'EOF taken from RDHUP',
    file: `${reactor}/receive.rs`,
    find: `
        match kernel.receive(socket, space.first(size)) {`,
    replace: `
        let hung_up = connection.ready.contains(crate::Ready::READ_CLOSED);
        match if hung_up { Ok(0) } else { kernel.receive(socket, space.first(size)) } {`,
  },
  {
    name: 'a reset met by a send ends cleanly',
    file: `${connection}/mod.rs`,
    find: 'self.failure.get_or_insert(Failure { call, errno });',
    replace: 'if call != Call::Send { self.failure.get_or_insert(Failure { call, errno }); }',
  },
  {
    name: 'writev advance off by one buffer',
    file: `${connection}/send_queue.rs`,
    find: 'queue.blocks.pop_front();',
    replace: 'queue.blocks.pop_front(); queue.blocks.pop_front();',
  },
  {
    name: 'FIN before the queue is empty',
    file: `${reactor}/send.rs`,
    find: 'connection.writing != Writing::Finishing || connection.holds_fin()',
    replace: 'connection.writing != Writing::Finishing',
    alsoIn: [
      {
        file: `${reactor}/send.rs`,
        find: 'Stop::Blocked => self.watch_writable(token),',
        replace: 'Stop::Blocked => { self.watch_writable(token); self.send_fin(token) }',
      },
    ],
  },
  {
    name: 'room is not asked for when a send blocks',
    file: `${reactor}/send.rs`,
    find: 'Stop::Blocked => self.watch_writable(token),',
    replace: 'Stop::Blocked => {}',
  },
  {
    name: 'no bound on guesses in a row',
    file: `${reactor}/guess.rs`,
    find: 'token.filter(|_| self.in_a_row <= MOST_IN_A_ROW)',
    replace: 'token',
  },
  {
    name: 'refused accepts repeated without a pause',
    file: `${reactor}/listener.rs`,
    find: 'self.refusals > MOST_REFUSALS',
    replace: 'self.refusals == 0',
  },
  {
    name: 'a receive into an empty space',
    file: `${reactor}/receive.rs`,
    find: 'if size == 0 {',
    replace: 'if size == usize::MAX {',
  },
  {
    name: 'EMFILE without a pause',
    file: `${reactor}/accept.rs`,
    find: 'listener.resume_at = at;',
    replace: 'let _ = (at, listener);',
  },
  {
    name: "a chunk's memory is used again after it was handed out",
    file: 'crates/edgepoll-node/src/reactor/region.rs',
    find: 'self.aligned(end)',
    replace: 'self.aligned(end * 0)',
    command: native('connections/chunks', 'chunks kept over'),
  },
  {
    name: 'lent memory is used again before it is returned',
    file: 'crates/edgepoll-node/src/reactor/inbox.rs',
    find: 'Lending::AllBack | Lending::SomeOut => {}',
    replace: 'Lending::AllBack | Lending::SomeOut => arena.clear(),',
    command: native('connections/borrowed', 'borrowed: held'),
  },
  {
    name: 'lent memory is used again once its connection is forgotten',
    file: 'crates/edgepoll-node/src/reactor/inbox.rs',
    find: 'Lending::RestForgotten => self.retires_arena = true,',
    replace: 'Lending::RestForgotten => arena.clear(),',
    command: native('connections/borrowed', 'borrowed: a chunk outlives'),
  },
  {
    name: 'a borrowed write is sent from the staging area',
    file: 'crates/edgepoll-node/src/reactor/staging.rs',
    find: 'if length & LENT == 0 { staged } else { lent }',
    replace: 'if length & LENT == 0 || !lent.is_empty() { staged } else { lent }',
    command: native('connections/borrowed-writes', 'borrowed writes: every stream'),
  },
  {
    name: 'refused memory is requested again within one receive',
    file: 'crates/edgepoll-node/src/reactor/inbox.rs',
    find: 'self.no_arena = self.arena.is_none();',
    replace: '',
    command: memory,
  },
  {
    name: 'a close has room for three of its four records',
    file: 'crates/edgepoll-node/src/reactor/records.rs',
    find: 'saturating_sub(MOST_PER_EVENT - 1)',
    replace: 'saturating_sub(MOST_PER_EVENT - 2)',
    command: memory,
  },
  {
    name: 'lost bytes end with FIN',
    file: `${reactor}/close.rs`,
    find: 'let _ = self.kernel.reset_on_close(&socket);',
    replace: '',
  },
  {
    name: 'FIN before the owner has seen the end of input',
    file: `${reactor}/close.rs`,
    find: 'let is_decided = knows || entry.must_reset();',
    replace: 'let is_decided = knows || !knows;',
  },
  {
    name: 'a connection that was not served in time is closed all the same',
    file: `${reactor}/late.rs`,
    find: 'let is_listed = entry.listed;',
    replace: 'let is_listed = entry.listed && entry.closed.is_some();',
  },
  {
    name: 'a connection that ends is checked only when its time is over',
    file: `${reactor}/late.rs`,
    find: 'const CHECKS: u64 = 8;',
    replace: 'const CHECKS: u64 = 1;',
  },
  {
    name: 'a connection that ends sends nothing unless the kernel reports room',
    file: `${reactor}/entry.rs`,
    find: 'if sends {',
    replace: 'if sends && connection.timers.is_set(Timer::Connect) {',
  },
  {
    name: 'a reset that is not read has no deadline',
    file: `${reactor}/late.rs`,
    find: 'if !is_expected {',
    replace: 'if is_expected {',
  },
  {
    name: 'a pause loses a failure',
    file: `${connection}/mod.rs`,
    find: 'self.ready.insert(Ready::READABLE | Ready::ERROR);',
    replace: 'self.ready.insert(Ready::READABLE);',
  },
  {
    name: 'the last write is refused by a full queue',
    file: `${reactor}/write.rs`,
    find: 'self.write_within(token, message, false, true)',
    replace: 'self.write_within(token, message, false, false)',
  },
  {
    name: 'a socket connected to itself counts as connected',
    file: `${linux}/socket.rs`,
    find: 'if own == peer {',
    replace: 'if false {',
    command: unit,
  },
  {
    name: 'closed without DEL',
    file: `${linux}/mod.rs`,
    find: '.deregister(&mut SourceFd(&socket.raw()));',
    replace: '.try_clone();',
    command: unit,
  },
  ...protocolFaults,
  ...busyPollFaults.map((fault) => Object.assign(fault, { command: busyPoll })),
  ...readinessFaults.map((fault) => Object.assign(fault, { command: readiness })),
];
