// Errors that report an event: a peer's reset, a broken protocol. Their stacks have no frames, because no code of the program
// caused them. The stacks of other errors must not change.
import { inspect } from 'node:util';

import test from 'ava';
import { EdgepollError } from 'edgepoll';

import { runChild } from '../support/child.js';
import { drain, pairOf, send } from '../support/net.js';

test('the error of a reset says what happened, and shows no frame of this package', async (t) => {
  const { connection, peer } = await pairOf(t);
  peer.resetAndDestroy();
  const { error } = await drain(connection);
  t.true(error instanceof EdgepollError);
  t.like(error, { name: 'EdgepollError', code: 'ECONNRESET', errno: -104, syscall: 'read' });
  const text = 'EdgepollError: read ECONNRESET: connection reset by peer';
  t.is(error?.message, text.slice('EdgepollError: '.length));
  t.is(error?.stack, text);
  t.is(String(error), text);
  t.true(inspect(error).includes(text), inspect(error));
  t.true(inspect(error).includes("code: 'ECONNRESET'"));
});

test('the error of a broken protocol shows no frame either', async (t) => {
  const { connection, peer } = await pairOf(t, { framing: 'lines', maxFrame: 10 });
  await send(peer, 'a line of more than ten bytes\n');
  const { error } = await drain(connection);
  t.is(error?.code, 'ERR_FRAME_TOO_LONG');
  t.is(error?.stack, `EdgepollError: ${error?.message}`);
});

test.serial(
  'Error.stackTraceLimit is what it was, and other errors have their frames',
  async (t) => {
    const before = Error.stackTraceLimit;
    Error.stackTraceLimit = 7;
    try {
      const { connection, peer } = await pairOf(t);
      peer.resetAndDestroy();
      await drain(connection);
      t.is(Error.stackTraceLimit, 7);
      t.regex(new Error('of the program').stack ?? '', /event-errors/);
      const refused = await t.throwsAsync(connection.write('too late'));
      t.is((refused as NodeJS.ErrnoException).code, 'ECONNRESET', "the connection's own error");
      peer.destroy();
    } finally {
      Error.stackTraceLimit = before;
    }
  },
);

test('where Error is frozen, the errors are reported all the same', async (t) => {
  t.deepEqual(await runChild('frozen-error'), ['ECONNRESET', 10]);
});
