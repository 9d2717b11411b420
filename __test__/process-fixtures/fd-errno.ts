/** Two listen(2) calls that strace refuses: `fd-errno`. Says how each refusal looked; `undefined` is none. */
import { listen } from 'edgepoll';
import { socket } from 'edgepoll/fd';

function seen(error: unknown): unknown {
  const { code, errno, syscall } = error as NodeJS.ErrnoException;
  return { code, errno, syscall };
}

const report: Record<string, unknown> = { byNumber: undefined, byServer: undefined };
const tcp = socket('inet', 'stream');
try {
  tcp.listen();
} catch (error) {
  report['byNumber'] = seen(error);
}
tcp.close();
try {
  const server = await listen({ host: '127.0.0.1', port: 0 });
  server.destroy();
} catch (error) {
  report['byServer'] = seen(error);
}
process.stdout.write(`${JSON.stringify(report)}\n`);
