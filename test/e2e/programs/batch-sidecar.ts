/** A sidecar in a process of its own, to be killed: `node batch-sidecar.ts SPOOL PROVIDER_URL`. Prints its port. */

import { BATCH } from '../../sidecar/batch/support.ts';
import { providerItem, routeItem, rule, target } from '../../sidecar/support/configuration.ts';
import { startTestSidecar } from '../../sidecar/support/sidecar.ts';

const [, , directory = '', url = ''] = process.argv;
const sidecar = await startTestSidecar(
  [
    providerItem('main', url),
    routeItem('assistant', ['assistant'], [rule([target('main')], { batch: BATCH })]),
  ],
  { spool: { directory } },
);
process.stdout.write(`${sidecar.port}\n`);
