// `npm run bench -- echo|idle|churn|readiness`: everything is in benchmark/runner. See benchmark/README.md.

import { main } from '../benchmark/runner/main.mjs';

// Ends at once, also when an error left something open; what was started is ended on the way out.
process.exit(await main(process.argv.slice(2)));
