/** A sidecar whose every provider is hostile: route `h<n>` leads to stream n on the vendor's port given. */
import { VENDORS } from '../../test/sidecar/matrix/vendors.ts';
import { providerItem, routeItem, rule, target } from '../../test/sidecar/support/configuration.ts';
import { serve } from '../served.ts';
import { STREAMS } from './streams.ts';

const [vendorPort] = process.argv.slice(2);
await serve(
  STREAMS.flatMap(({ vendor }, i) => {
    const found = VENDORS.find(({ dialect }) => dialect === vendor);
    if (!found) throw new Error(`no vendor speaks ${vendor}`);
    const { type, path, model, parameters } = found;
    return [
      providerItem(`p${i}`, `http://127.0.0.1:${vendorPort}/${i}${path}`, {
        type,
        models: [{ name: model, upstreamName: model, maxOutputTokens: 8192 }],
        ...(parameters && { parameters }),
      }),
      routeItem(`h${i}`, [`h${i}`], [rule([target(`p${i}`, { model })])]),
    ];
  }),
);
