// Replaces an error message in the generated loader of the addon, native/binding.js. Its own message names a bug of npm as the
// cause of every failure.

import { readFileSync, writeFileSync } from 'node:fs';
import { SetupError } from './toolchain.mjs';

const generated = /`Cannot find native binding\. `[^]*?node_modules directory\.',/;

// Leaves out the error for WebAssembly, which the package does not have.
const ours = [
  '`edgepoll: no addon for ${process.platform}-${process.arch} could be loaded: ` +',
  "loadErrors.map(({ message }) => message.split('\\n')[0]).filter((text) => !text.includes('wasi')).join('; ') +",
  "'. It comes with edgepoll-linux-x64-gnu or edgepoll-linux-arm64-gnu, an optional dependency, and needs glibc; ' +",
  "'Node.js refuses addons with --no-addons, and with --permission unless --allow-addons is given too',",
].join('\n      ');

/** Replaces the loader's message in the file. */
export function sayWhyNotLoaded(path) {
  const source = readFileSync(path, 'utf8');
  if (!generated.test(source))
    throw new SetupError(`${path} has other words for a failed load than lib/loader.mjs knows`);
  writeFileSync(
    path,
    source.replace(generated, () => ours),
  );
}
