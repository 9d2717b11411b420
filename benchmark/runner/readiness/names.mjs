// What tables, charts and results call the contenders, and what the parts have in common with them. Must never start one.

export const FLOOR = 'floor';
export const FLOOR_WORK = 'floor, work only';
export const NPM_EPOLL = 'npm epoll';
export const NODE_WORK = 'node, work only';
/** Reads and writes by the package instead of node:fs; everybody else does the same work by the latter. */
export const BY_FD = 'edgepoll for await, edgepoll/fd';
/** How edgepoll can be used, and what the contenders' programs call it. */
export const STYLES = {
  'edgepoll for await': 'edgepoll-iterate',
  [BY_FD]: 'edgepoll-fd',
  'edgepoll poll()': 'edgepoll-poll',
  'edgepoll/epoll': 'edgepoll-epoll',
};
export const EDGEPOLL = Object.keys(STYLES);

/** Connections that transfer at the same time. */
export const AT_A_TIME = 64;
