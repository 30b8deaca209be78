/** The reader of each dialect's answers, by name. */
import type { WireReader } from '../../../../sidecar/dialects/dialect.ts';
import { VENDOR_WIRES } from '../../../../sidecar/dialects/formats.ts';
import { FAMILIES } from '../../../../sidecar/dialects/registry.ts';

const OWN = FAMILIES.flatMap(({ endpoints }) => endpoints.map(({ dialect }) => dialect));

export function wireNamed(name: string): WireReader {
  const wire = OWN.find((one) => one.name === name) ?? VENDOR_WIRES[name as keyof typeof VENDOR_WIRES];
  if (!wire) throw new Error(`nothing reads ${name}`);
  return wire;
}
