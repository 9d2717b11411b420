/** What the addon of this machine is called. */
import { readFileSync } from 'node:fs';

const { arch, platform } = process;

/** The system, the processor and, on Linux, the C library of this process. */
export const target: string = `${platform}-${arch}${platform === 'linux' ? `-${libc()}` : ''}`;

function libc(): string {
  const name = usesMusl() ? 'musl' : 'gnu';
  return arch === 'arm' ? `${name}eabihf` : name;
}

/** Whether this process has mapped musl. */
function usesMusl(): boolean {
  return /\/(?:ld-musl-|libc\.musl-)/.test(readFileSync('/proc/self/maps', 'latin1'));
}
