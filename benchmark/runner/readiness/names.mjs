// The names of the contenders in tables, charts and results, and what several parts share.

export const FLOOR = 'floor';
export const FLOOR_WORK = 'floor, work only';
export const NPM_EPOLL = 'npm epoll';
export const NODE_WORK = 'node, work only';
/** Reads and writes by the package. The other JavaScript contenders use node:fs. */
export const BY_FD = 'edgepoll for await, edgepoll/fd';
/** The ways to use edgepoll, and the names of the styles in contenders/. */
export const STYLES = {
  'edgepoll for await': 'edgepoll-iterate',
  [BY_FD]: 'edgepoll-fd',
  'edgepoll poll()': 'edgepoll-poll',
  'edgepoll/epoll': 'edgepoll-epoll',
};
export const EDGEPOLL = Object.keys(STYLES);

/** Connections that transfer at the same time. */
export const AT_A_TIME = 64;
