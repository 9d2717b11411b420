/** What the addon of this machine is called. */
import { readFileSync } from 'node:fs';

/** The processor and the C library of this process. */
export const target: string = `linux-${process.arch}-${libc()}`;

function libc(): string {
  const name = usesMusl() ? 'musl' : 'gnu';
  return process.arch === 'arm' ? `${name}eabihf` : name;
}

/** Whether this process has mapped musl. */
function usesMusl(): boolean {
  return /\/(?:ld-musl-|libc\.musl-)/.test(readFileSync('/proc/self/maps', 'latin1'));
}
