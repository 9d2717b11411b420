// Ends the process with one line where the package cannot run. Loaded by `node -r` before a script, because an old Node.js
// fails to load the scripts themselves.

const { engines } = require('../package.json');

// Ranges such as `^20.19` and `>=22.12`: the first takes one major version only.
const ranges = engines.node.split(' || ').map((range) => range.match(/^(\^|>=)(\d+)\.(\d+)$/));
const [major, minor] = process.versions.node.split('.').map(Number);
const fits = ([, kind, wantedMajor, wantedMinor]) =>
  major === Number(wantedMajor)
    ? minor >= Number(wantedMinor)
    : kind === '>=' && major > Number(wantedMajor);
const isOld = !ranges.some(fits);
if (isOld || process.platform !== 'linux') {
  const needed = ranges.map(
    ([, kind, ...wanted]) => wanted.join('.') + (kind === '^' ? '' : ' or newer'),
  );
  const found = `${process.platform} with Node.js ${process.versions.node}`;
  const advice = isOld ? ': install a newer Node.js and run this again' : '';
  console.error(
    `edgepoll needs Linux with Node.js ${needed.join(', ')}; this is ${found}${advice}.`,
  );
  process.exit(1);
}
