/**
 * A sidecar with a route to a vendor of each dialect on the port given.
 *
 *   node bench/dialects/sidecar-process.ts <vendor's port>
 */
import { VENDORS } from '../../test/sidecar/matrix/vendors.ts';
import { providerItem, routeItem, rule, target } from '../../test/sidecar/support/configuration.ts';
import { serve } from '../served.ts';

const [vendorPort] = process.argv.slice(2);
await serve(
  VENDORS.flatMap(({ dialect, type, path, model, parameters }) => [
    providerItem(dialect, `http://127.0.0.1:${vendorPort}${path}`, {
      type,
      models: [{ name: model, upstreamName: model, maxOutputTokens: 8192, prices: { input: 1, output: 2 } }],
      ...(parameters && { parameters }),
    }),
    routeItem(dialect, [`at-${dialect}`], [rule([target(dialect, { model })])]),
  ]),
);
