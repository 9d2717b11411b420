'use strict';
// What edgepoll uses of Node.js and versions before 20.16 lack. npm's newest Node.js for s390x and ppc64le is 20.11: older than
// edgepoll supports, but with the same calls for addons.

const zlib = require('node:zlib');

process.getBuiltinModule ??= require;

// The last eight bytes of gzip's format are the CRC-32 of the content and its length.
zlib.crc32 ??= (data) => zlib.gzipSync(data, { level: 0 }).subarray(-8).readUInt32LE();
