// Many writes of one byte: the kernel counts each buffer that it is given, however few bytes it has, so the package joins them.
import { drivers, straced, straceTest } from '../support/process.js';

const COUNT = 100_000;

for (const driver of drivers) {
  straceTest(`hazard-89 tiny-writes: ${COUNT} of one byte make few calls, ${driver}`, async (t) => {
    const calls = 'sendto,sendmsg';
    const { ended, lines } = await straced(t, calls, 'tiny-writes', driver, String(COUNT));
    t.is(ended.stderr, '');
    // Every byte is the one that is due.
    t.is(ended.stdout, `${COUNT}\n`);
    const sends = lines.filter((line) => /\bsend(?:to|msg)\(/.test(line));
    t.true(sends.length <= COUNT / 50, `${sends.length} calls`);
  });
}
