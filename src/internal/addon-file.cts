/**
 * Checks an addon before it is loaded. The dynamic linker does not compare the headers with the file: one that is cut off or changed can
 * end the process by a signal.
 */

// Not by `require`, as in load-addon.cts.
const fs = process.getBuiltinModule('node:fs');
const os = process.getBuiltinModule('node:os');
const zlib = process.getBuiltinModule('node:zlib');

/** ELF's numbers of the processors, by the names of Node.js. */
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

/** Where the header has its fields, by the class of the file (elf(5)). The number of entries follows their size. */
const fields = {
  32: { programs: 28, programSize: 42, sections: 32, sectionSize: 46, offset: 4, length: 16 },
  64: { programs: 32, programSize: 54, sections: 40, sectionSize: 58, offset: 8, length: 32 },
};

interface Known {
  /** The file's CRC-32 in hexadecimal. */
  crc32?: string | undefined;
  /** What helps if the file is not as it should be. */
  remedy?: string;
}

/** Throws an error if the file cannot be loaded by this process. */
function check(file: string, { crc32, remedy }: Known = {}): void {
  const fault = fs.statSync(file).isFile()
    ? faultOf(fs.readFileSync(file), crc32)
    : 'it is not a file';
  if (fault !== undefined) throw new Error(remedy === undefined ? fault : `${fault}; ${remedy}`);
}

function faultOf(bytes: Buffer, crc32: string | undefined): string | undefined {
  if (bytes.toString('latin1', 0, 4) !== '\x7fELF') return 'it is not an ELF file';
  if (bytes.length < 64) return 'the file is cut off';
  const isLittle = bytes[5] === 1;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const machine = view.getUint16(18, isLittle);
  const [name] = Object.entries(machines).find(([, number]) => number === machine) ?? [];
  if (name !== process.arch)
    return `it is built for ${name ?? `machine ${machine}`}, and this process is ${process.arch}`;
  if (isLittle !== (os.endianness() === 'LE'))
    return `it has the other byte order than this process, which is ${os.endianness()}`;
  const end = endOf(view, isLittle);
  if (bytes.length < end) return `the file is cut off, with ${bytes.length} of ${end} bytes`;
  if (crc32 !== undefined && Number.parseInt(crc32, 16) !== zlib.crc32(bytes)) {
    return 'the file is damaged, its checksum is not that of the published one';
  }
  return undefined;
}

/** Where the last part of the file ends that its headers name: a table, or a segment that is loaded. */
function endOf(view: DataView, isLittle: boolean): number {
  const is64 = view.getUint8(4) === 2;
  const at = fields[is64 ? 64 : 32];
  const half = (place: number): number => view.getUint16(place, isLittle);
  const word = (place: number): number =>
    is64 ? Number(view.getBigUint64(place, isLittle)) : view.getUint32(place, isLittle);
  const sections = word(at.sections) + half(at.sectionSize) * half(at.sectionSize + 2);
  const [programs, size, count] = [
    word(at.programs),
    half(at.programSize),
    half(at.programSize + 2),
  ];
  const end = Math.max(sections, programs + size * count);
  if (end > view.byteLength) return end;
  const ends = Array.from({ length: count }, (_, index) => {
    const entry = programs + size * index;
    return word(entry + at.offset) + word(entry + at.length);
  });
  return Math.max(end, ...ends);
}

export = check;
