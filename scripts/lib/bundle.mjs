// Puts the modules of dist/ into a few files, for publishing: loading a file costs more than what is in it. The names stay, so
// that stacks can be read. The loader of the addon stays a file of its own, because it is CommonJS.

import { existsSync } from 'node:fs';

/** The entries of edgepoll, and a module by which tests choose the driver of `edgepoll/epoll`. */
const ownEntries = ['index', 'fd/index', 'epoll/index', 'epoll/epoll'];
/** Those of the package of a protocol. */
export const protocolEntries = ['index'];
/** What loads the addon: CommonJS, the first file for ES modules and the second for bundlers. */
const loaders = ['internal/addon.cjs', 'internal/load-addon.cjs'];

// Both entries of epoll/ are of one part.
const isShared = (module) => !/\/epoll\/\w+\.js$/.test(module);

/** Whether the folder has the compiled modules that bundle() begins with. */
export function isCompiled(folder, entries = ownEntries) {
  const files = [...entries.map((name) => `${name}.js`), ...loaders];
  return files.every((file) => existsSync(`${folder}/${file}`));
}

/** Writes what the compiled modules in the folder `from` hold into the folder `to`. */
export async function bundle(from, to, entries = ownEntries) {
  // Not at the top: a fresh clone has no packages yet.
  const { rolldown } = await import('rolldown');
  const write = async (options, output) => {
    const built = await rolldown({ platform: 'node', ...options });
    await built.write({ comments: false, ...output });
    await built.close();
  };
  const input = Object.fromEntries(entries.map((name) => [name, `${from}/${name}.js`]));
  await write(
    { input, external: [/^node:/, /^edgepoll$/, /\.cjs$/] },
    {
      dir: to,
      format: 'esm',
      chunkFileNames: 'internal/[name].js',
      codeSplitting: { groups: [{ name: 'shared', minShareCount: 2, test: isShared }] },
    },
  );
  for (const loader of loaders) {
    await write(
      { input: `${from}/${loader}`, external: [/^node:/, /^edgepoll-/, /load-addon/] },
      { file: `${to}/${loader}`, format: 'cjs' },
    );
  }
}
