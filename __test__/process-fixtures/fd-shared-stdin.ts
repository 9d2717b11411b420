/** A pipe that is also a child's standard input: a read of it gives what is there, and does not wait for more. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { pipe } from 'edgepoll/fd';

const { reader, writer } = pipe();
const script = 'process.stdout.write("here"); setInterval(() => {}, 1000)';
const child = spawn(process.execPath, ['-e', script], { stdio: [reader.fd, 'pipe', 'inherit'] });
const { stdout } = child;
if (stdout === null) throw new Error('no pipe');
await once(stdout, 'data');

const into = Buffer.alloc(64);
const waits = reader.read(into) === null;
writer.write('from the writer');
const length = reader.read(into) ?? 0;
child.kill();
await once(child, 'exit');
process.stdout.write(`${JSON.stringify({ waits, got: into.toString('utf8', 0, length) })}\n`);
