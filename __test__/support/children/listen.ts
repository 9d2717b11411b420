// Tries to listen on HOST PORT without privileges and prints the error.
import { listen } from 'edgepoll';

const [, , host = '', port = ''] = process.argv;
try {
  await listen({ host, port: Number(port) });
  throw new Error(`listening on ${host}:${port} should have failed`);
} catch (error) {
  const {
    code,
    errno,
    syscall,
    address,
    port: where,
  } = error as NodeJS.ErrnoException & {
    address?: string;
    port?: number;
  };
  if (code === undefined) throw error;
  process.stdout.write(JSON.stringify({ code, errno, syscall, address, port: where }));
}
