/** Compares the numbers of layout.ts with those of the addon. */

/** Throws an error that names every number which differs between the package and the addon, or which only one of them has. */
export function requireSameLayout(
  ours: Readonly<Record<string, number>>,
  theirs: ReadonlyMap<string, number>,
): void {
  const names = new Set([...Object.keys(ours), ...theirs.keys()]);
  const differences = [...names]
    .filter((name) => ours[name] !== theirs.get(name))
    .map((name) => `${name} is ${ours[name]} in the package and ${theirs.get(name)} in the addon`);
  if (differences.length === 0) return;
  const message =
    `edgepoll's addon and its JavaScript are of different versions: ${differences.join('; ')}. ` +
    'Install the package again, or build both.';
  throw Object.assign(new Error(message), { code: 'ERR_ADDON_MISMATCH' });
}
