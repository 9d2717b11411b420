// Mount namespaces: what a program mounts in one of its own, the machine does not see.

import { spawnSync } from 'node:child_process';

// A user other than root is root in a user namespace, where the system allows that.
const options = ['--mount', ...(process.getuid() === 0 ? [] : ['--map-root-user'])];

/** Why this machine cannot mount, or undefined. */
export function missingToMount() {
  const script = 'mount --bind /tmp /tmp';
  const { status, error } = spawnSync('/usr/bin/unshare', [...options, 'sh', '-c', script]);
  if (status === 0) return undefined;
  return error?.code === 'ENOENT'
    ? 'it needs unshare (Debian: util-linux)'
    : 'it needs the right to mount: root, or user namespaces';
}

/** The beginning of a command, which mounts first. What follows it is `"$@"` in the script. */
export function mounting(script) {
  return ['unshare', ...options, 'sh', '-c', script, 'sh'];
}
