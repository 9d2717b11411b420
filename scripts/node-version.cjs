// Ends the process with one line where the package cannot run. Loaded by `node -r` before a script, because an old Node.js
// fails to load the scripts themselves.

const { engines } = require('../package.json');

const needed = engines.node.replace('>=', '');
const [major, minor] = needed.split('.').map(Number);
const [haveMajor, haveMinor] = process.versions.node.split('.').map(Number);
const isOld = haveMajor < major || (haveMajor === major && haveMinor < minor);
if (isOld || process.platform !== 'linux') {
  const found = `${process.platform} with Node.js ${process.versions.node}`;
  const advice = isOld ? ': install a newer Node.js and run this again' : '';
  console.error(`edgepoll needs Linux with Node.js ${needed} or newer; this is ${found}${advice}.`);
  process.exit(1);
}
