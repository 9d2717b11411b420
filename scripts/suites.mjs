// Tries the protocols in protocols/ with other people's clients and suites: node scripts/suites.mjs [--only NAME,NAME] [--list]. NAME is a
// case, or `resp` or `websocket` for all of its cases. The long cases run only if --only names them. A case that this machine cannot run
// is "not run", with the reason. The last line is `N passed, N failed`.

import { autobahn } from '../__test__/suites/autobahn.mjs';
import { respClients } from '../__test__/suites/resp-clients.mjs';
import { redisTests } from '../__test__/suites/redis-tests.mjs';
import { requireTools } from '../__test__/suites/tools.mjs';
import { websocketClients } from '../__test__/suites/websocket-clients.mjs';
import { chosenCases, NotRun, reportTotals, runCases } from './lib/cases.mjs';
import { failSetUp } from './lib/toolchain.mjs';

const suites = {
  resp: { ...respClients, ...redisTests },
  websocket: { ...websocketClients, ...autobahn },
};
const cases = Object.entries(suites).flatMap(([group, ofGroup]) =>
  Object.entries(ofGroup).map(([name, body]) => ({ group, name: `${group}-${name}`, body })),
);

const chosen = chosenCases('scripts/suites.mjs', cases);
await requireTools().catch(failSetUp);
reportTotals(await runCases('suites', chosen, runCase));

async function runCase({ body }) {
  const reason = body.missing?.();
  if (reason !== undefined) throw new NotRun(reason);
  return await body.run();
}
