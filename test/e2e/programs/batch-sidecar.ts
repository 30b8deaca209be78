/** A sidecar in a process of its own, to be killed: `node batch-sidecar.ts SPOOL PROVIDER_URL`. Prints its port. SPOOL: a directory, or the URL of a store. */

import { BATCH } from '../../sidecar/batch/support.ts';
import { providerItem, routeItem, rule, target } from '../../sidecar/support/configuration.ts';
import { startTestSidecar } from '../../sidecar/support/sidecar.ts';

const [, , spool = '', url = ''] = process.argv;
const sidecar = await startTestSidecar(
  [
    providerItem('main', url),
    routeItem(
      'assistant',
      ['assistant'],
      [rule([target('main')], { batch: BATCH, async: { expiresAfterMs: 3_600_000 } })],
    ),
  ],
  { spool: spool.startsWith('redis:') ? { url: spool } : { directory: spool } },
);
process.stdout.write(`${sidecar.port}\n`);
