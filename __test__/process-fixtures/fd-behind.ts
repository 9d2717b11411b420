/** Descriptors of ours that somebody else closes by number; tells what their owners say. */
import { closeSync } from 'node:fs';

import { EdgepollError } from 'edgepoll';
import { eventfd } from 'edgepoll/fd';

const first = eventfd();
closeSync(first.fd);
let told = '';
try {
  first.close();
} catch (error) {
  if (error instanceof EdgepollError && error.code === 'EBADF')
    told = error.message.slice(0, 'close EBADF'.length);
}

const old = eventfd();
const { fd } = old;
closeSync(fd);
const successor = eventfd();
const cameBack = successor.fd === fd;
const closed = [!first.isOpen, !old.isOpen];
old.close();
const written = successor.write(1);
successor.close();
process.stdout.write(`${JSON.stringify({ told, closed, cameBack, written })}\n`);
