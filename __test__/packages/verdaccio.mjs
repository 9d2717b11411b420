// A registry of npm packages on loopback: node verdaccio.mjs FOLDER. Keeps everything in FOLDER and asks no other registry.
// Every client may install. A client with an account may publish. Prints its port, and ends when its standard input does.

import { runServer } from 'verdaccio';

const [folder] = process.argv.slice(2);
const server = await runServer({
  self_path: folder,
  storage: `${folder}/storage`,
  auth: { htpasswd: { file: `${folder}/accounts`, max_users: 1 } },
  packages: { '**': { access: '$all', publish: '$authenticated' } },
  max_body_size: '50mb',
  web: { enable: false },
  log: { type: 'stdout', format: 'json', level: 'fatal' },
});
server.listen(0, '127.0.0.1', () => console.log(`listening on ${server.address().port}`));
process.stdin.resume().on('end', () => process.exit());
