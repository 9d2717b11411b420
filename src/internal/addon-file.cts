/**
 * Checks an addon before it is loaded. The dynamic linker takes the sizes in the file for true: a file that is cut off makes it read
 * behind the end, which ends the process by SIGBUS.
 */

// Not by `require`, as in addon.cts.
const fs = process.getBuiltinModule('node:fs');
const os = process.getBuiltinModule('node:os');

/** ELF's numbers of the processors that Node.js names. */
const machines: Record<string, number> = {
  arm: 40,
  arm64: 183,
  ia32: 3,
  loong64: 258,
  ppc64: 21,
  riscv64: 243,
  s390x: 22,
  x64: 62,
};

/** Throws an error if the file is none that this process can load. */
function check(file: string): void {
  const descriptor = fs.openSync(file, 'r');
  try {
    const { size } = fs.fstatSync(descriptor);
    const start = Buffer.alloc(4096);
    const length = fs.readSync(descriptor, start, 0, start.length, 0);
    const fault = faultOf(start.subarray(0, length), size);
    if (fault !== undefined) throw new Error(fault);
  } finally {
    fs.closeSync(descriptor);
  }
}

/** What is wrong with a file of `size` bytes that begins with these (elf(5)). */
function faultOf(start: Buffer, size: number): string | undefined {
  if (start.toString('latin1', 0, 4) !== '\x7fELF') return 'it is not an ELF file';
  if (start.length < 64) return 'the file is cut off';
  const is64 = start[4] === 2;
  const isLittle = start[5] === 1;
  const view = new DataView(start.buffer, start.byteOffset, start.length);
  const half = (at: number): number => view.getUint16(at, isLittle);
  const word = (at: number): number =>
    is64 ? Number(view.getBigUint64(at, isLittle)) : view.getUint32(at, isLittle);
  const machine = half(18);
  const [name] = Object.entries(machines).find(([, number]) => number === machine) ?? [];
  if (isLittle !== (os.endianness() === 'LE') || name !== process.arch) {
    return `it is built for ${name ?? `machine ${machine}`}, and this process is ${process.arch}`;
  }
  // The linker writes the table of sections last.
  const sections = is64 ? [40, 58] : [32, 46];
  const [offsetAt, entryAt] = sections as [number, number];
  const end = word(offsetAt) + half(entryAt) * half(entryAt + 2);
  if (size < end) return `the file is cut off, with ${size} of ${end} bytes`;
  return undefined;
}

export = check;
