/** Writes what is staged and leaves at once: `leave HOW PORT DRIVER`. */
import { connect } from 'edgepoll';
import type { Driver } from 'edgepoll';

const [how = '', port = '', driver] = process.argv.slice(2);
const connection = await connect({
  host: '127.0.0.1',
  port: Number(port),
  driver: driver as Driver,
});
if (how === 'at once, the rest by a listener of the exit') {
  void connection.write('by');
  process.once('exit', () => void connection.write('e'));
} else if (how === 'by a listener of the exit') {
  process.once('exit', () => void connection.write('bye'));
} else {
  const written = connection.write('bye');
  if (how === 'awaited') await written;
  if (how === 'thrown') throw new Error('nobody catches this');
}
process.exit(0);
