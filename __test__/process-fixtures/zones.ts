/**
 * Listens on link-local addresses and connects to them: `zones ADDRESS…`. What comes of it is the machine's affair; strace
 * shows what the kernel was asked.
 */
import { connect, listen } from 'edgepoll';

for (const host of process.argv.slice(2)) {
  for (const open of [() => listen({ host, port: 4321 }), () => connect({ host, port: 4321 })]) {
    try {
      (await open()).destroy();
    } catch (error) {
      // No such address, or no way to it.
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    }
  }
}
process.stdout.write('{}\n', () => process.exit());
