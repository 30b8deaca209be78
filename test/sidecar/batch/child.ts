/** A sidecar in a process of its own, to be killed: `node child.ts SPOOL PROVIDER_URL`. Prints its port. */
import { providerItem, routeItem, rule, target } from '../support/configuration.ts';
import { startTestSidecar } from '../support/sidecar.ts';
import { BATCH } from './support.ts';

const [, , directory = '', url = ''] = process.argv;
const sidecar = await startTestSidecar(
  [
    providerItem('main', url),
    routeItem('assistant', ['assistant'], [rule([target('main')], { batch: BATCH })]),
  ],
  { spool: { directory } },
);
process.stdout.write(`${sidecar.port}\n`);
