/** The programs of docs/descriptors.md and docs/epoll-dropin.md. */
import type { Drives } from './drive.js';
import { prints, started } from './drive.js';

export const descriptors: Drives = {
  descriptors: async (t, path) => {
    const child = started(t, path);
    t.is(await child.line(), 'expired 1n times');
  },
  wait: async (t, path) => prints(t, path, ''),
  'epoll-module': async (t, path) => {
    const child = started(t, path);
    child.process.stdin.write('x');
    t.is(await child.line(), 'readable 0');
    t.is((await child.ended).code, 0);
  },
};
