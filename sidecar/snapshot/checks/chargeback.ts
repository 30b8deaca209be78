/** Checks of whom usage of a route is charged to. */
import { all, type Check, list, oneOf, shape, text, wrong } from '../check.ts';
import type { ChargebackPart } from '../shapes/chargeback.ts';

const header = text(256, /^[a-z0-9!#$%&'*+\-.^_`|~]+$/, 'a header name in lower-case');

const part: Check = all(shape({ by: oneOf(['Workload', 'Header']) }, { header }), (value, path) => {
  const { by, header: name } = value as { by: ChargebackPart['by']; header?: string };
  if ((by === 'Header') === (name !== undefined)) return undefined;
  return wrong(`${path}.header`, name, by === 'Header' ? 'set' : 'absent');
});

export const chargeback: Check = shape({ key: list(part, 4, 1) });
