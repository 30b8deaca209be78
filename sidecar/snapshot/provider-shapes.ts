/** Parts of a provider that `validate.ts` is composed of: prices, parameters of the vendor, identities of a pod. */
import { all, type Check, integer, list, oneOf, shape, text, wordOr, wrong } from './check.ts';
import { type FullPrices, PRICED_TIERS, type WorkloadIdentity } from './schema.ts';

const price = integer(0, Number.MAX_SAFE_INTEGER);
const optional = {
  cacheRead: price,
  audioInput: price,
  reasoning: price,
  audioOutput: price,
  request: price,
};
export const prices = shape({ input: price, output: price }, optional);

const further = {
  ...optional,
  cacheWrite5m: price,
  cacheWrite1h: price,
  audioCacheRead: price,
  imageOutput: price,
};
const tier = shape({ aboveInputTokens: integer(1, 100_000_000), input: price, output: price }, further);
const rising: Check = (value, path) => {
  const bounds = (value as NonNullable<FullPrices['tiers']>).map((each) => each.aboveInputTokens);
  const i = bounds.findIndex((bound, j) => j > 0 && bound <= (bounds[j - 1] ?? 0));
  return i < 0
    ? undefined
    : wrong(`${path}[${i}].aboveInputTokens`, bounds[i], 'greater than the one before');
};
const tiered = { ...further, tiers: all(list(tier, 8, 1), rising) };
const service = wordOr('Unknown', shape({ input: price, output: price }, tiered));
export const fullPrices = shape(
  { input: price, output: price },
  { ...tiered, services: shape({}, Object.fromEntries(PRICED_TIERS.map((name) => [name, service]))) },
);

/** It becomes part of a host name or a path. */
const parameter = text(128, /^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'letters, digits, ".", "_" and "-"');
export const parameters = shape(
  {},
  { apiVersion: parameter, project: parameter, location: parameter, region: parameter },
);

const MEMBERS: Record<WorkloadIdentity['cloud'], readonly string[]> = {
  AWS: ['region', 'roleARN'],
  Google: ['audience', 'serviceAccount'],
  Azure: ['tenantID', 'clientID'],
};
const REQUIRED: Record<WorkloadIdentity['cloud'], string | undefined> = {
  AWS: 'region',
  Google: 'audience',
  Azure: undefined,
};

export const workload: Check = all(
  shape(
    { cloud: oneOf(Object.keys(MEMBERS)) },
    {
      region: parameter,
      roleARN: text(2048, /^arn:[!-~]+$/, 'the ARN of a role'),
      audience: text(2048, /^[!-~]+$/),
      serviceAccount: text(320, /^[!-~]+$/),
      tenantID: parameter,
      clientID: parameter,
    },
  ),
  (value, path) => {
    const { cloud, ...rest } = value as WorkloadIdentity;
    const members = MEMBERS[cloud];
    const stray = Object.keys(rest).find((name) => !members.includes(name));
    if (stray !== undefined) return `${path}.${stray} is not a member of an identity of ${cloud}`;
    const required = REQUIRED[cloud];
    return required === undefined || Object.hasOwn(rest, required)
      ? undefined
      : wrong(`${path}.${required}`, undefined, 'there');
  },
);
