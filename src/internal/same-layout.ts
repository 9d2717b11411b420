/** Compares the numbers of layout.ts with those of the addon. */

/** Throws an error that names every number which differs between the package and the addon, or which only one of them has. */
export function requireSameLayout(
  ours: Readonly<Record<string, number>>,
  theirs: ReadonlyMap<string, number>,
): void {
  const names = new Set([...Object.keys(ours), ...theirs.keys()]);
  const differences = [...names]
    .filter((name) => ours[name] !== theirs.get(name))
    .map(
      (name) =>
        `${name} is ${shown(ours[name])} in JavaScript and ${shown(theirs.get(name))} in the addon`,
    );
  if (differences.length === 0) return;
  const message =
    `edgepoll's JavaScript and its addon are built from different sources: ${differences.join('; ')}. ` +
    'In a clone, run `npm run build`. If EDGEPOLL_ADDON is set, build the addon that it names again, or unset it. ' +
    'Otherwise remove node_modules and install again.';
  throw Object.assign(new Error(message), { code: 'ERR_ADDON_MISMATCH' });
}

function shown(value: number | undefined): string {
  return value === undefined ? 'missing' : String(value);
}
