// The targets: the platforms that edgepoll has a compiled addon for.

import { UsageError } from '../lib/usage.mjs';

/**
 * One target:
 * - `name`: as napi-rs names the platform. The package is edgepoll-NAME, its folder npm/NAME.
 * - `triple`: as Rust names it.
 * - `glibc`: the oldest glibc that its addon has to load with; without it, the target has musl.
 * - `rust`: 'installed' for the Rust of this machine, which has the standard library of this target; 'debian' for Debian's,
 *   which compiles the standard library with the addon.
 * - `machine`, `bits`, `endian`: what its ELF header says, in readelf's words.
 * - `abi`: what the flags in this header say, where a processor has more than one ABI.
 * - `debian`: Debian's name of the architecture.
 * - `qemu`: the emulator that runs its programs on an x64 machine; without it, the machine runs them itself.
 * - `node`: where its Node.js comes from: 'installed', 'npm', 'debian' or 'pypi'.
 */
export const targets = [
  {
    name: 'linux-x64-gnu',
    triple: 'x86_64-unknown-linux-gnu',
    glibc: '2.17',
    rust: 'installed',
    machine: 'Advanced Micro Devices X86-64',
    bits: 64,
    endian: 'little',
    debian: 'amd64',
    node: 'installed',
  },
  {
    name: 'linux-x64-musl',
    triple: 'x86_64-unknown-linux-musl',
    rust: 'debian',
    machine: 'Advanced Micro Devices X86-64',
    bits: 64,
    endian: 'little',
    debian: 'amd64',
    node: 'pypi',
  },
  {
    name: 'linux-arm64-gnu',
    triple: 'aarch64-unknown-linux-gnu',
    glibc: '2.17',
    rust: 'debian',
    machine: 'AArch64',
    bits: 64,
    endian: 'little',
    debian: 'arm64',
    qemu: 'aarch64',
    node: 'npm',
  },
  {
    name: 'linux-arm64-musl',
    triple: 'aarch64-unknown-linux-musl',
    rust: 'debian',
    machine: 'AArch64',
    bits: 64,
    endian: 'little',
    debian: 'arm64',
    qemu: 'aarch64',
    node: 'pypi',
  },
  {
    name: 'linux-arm-gnueabihf',
    triple: 'armv7-unknown-linux-gnueabihf',
    glibc: '2.17',
    rust: 'debian',
    machine: 'ARM',
    bits: 32,
    endian: 'little',
    abi: 'hard-float ABI',
    debian: 'armhf',
    qemu: 'arm',
    node: 'debian',
  },
  {
    name: 'linux-riscv64-gnu',
    triple: 'riscv64gc-unknown-linux-gnu',
    // The first glibc for riscv64.
    glibc: '2.27',
    rust: 'debian',
    machine: 'RISC-V',
    bits: 64,
    endian: 'little',
    abi: 'double-float ABI',
    debian: 'riscv64',
    qemu: 'riscv64',
    node: 'debian',
  },
  {
    name: 'linux-s390x-gnu',
    triple: 's390x-unknown-linux-gnu',
    glibc: '2.17',
    rust: 'debian',
    machine: 'IBM S/390',
    bits: 64,
    endian: 'big',
    debian: 's390x',
    qemu: 's390x',
    node: 'npm',
  },
  {
    name: 'linux-ppc64-gnu',
    triple: 'powerpc64le-unknown-linux-gnu',
    // zig has no older glibc for ppc64le.
    glibc: '2.19',
    rust: 'debian',
    machine: 'PowerPC64',
    bits: 64,
    endian: 'little',
    abi: 'abiv2',
    debian: 'ppc64el',
    qemu: 'ppc64le',
    node: 'npm',
  },
];

/** The targets of these names, or all for the name `all`. */
export function targetsNamed(names) {
  if (names.length === 1 && names[0] === 'all') return targets;
  return names.map((name) => {
    const found = targets.find((target) => target.name === name);
    if (found === undefined) {
      const known = targets.map((target) => target.name).join(', ');
      throw new UsageError(`there is no target '${name}': all, or some of ${known}`);
    }
    return found;
  });
}

/** The package folder of a target, relative to the project. */
export function packageFolder({ name }) {
  return `npm/${name}`;
}
