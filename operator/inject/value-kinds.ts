/**
 * What the value of an annotation may be. Each kind is judged twice with the same outcome: here for the webhook and the
 * command line, and as a CEL expression for the policy.
 */

export interface ValueKind {
  /** Completes "must be ...". */
  expected: string;
  holds(text: string): boolean;
  /** A CEL expression that is true where `holds` is; `text` is a CEL expression of type string. */
  cel(text: string): string;
}

const matching = (pattern: string, expected: string): ValueKind => ({
  expected,
  holds: (text) => new RegExp(pattern).test(text),
  cel: (text) => `${text}.matches(${JSON.stringify(pattern)})`,
});

const PORT_PATTERN = '^[1-9][0-9]{3,4}$';

/** The sidecar has no right to bind ports below 1024. */
export const PORT: ValueKind = {
  expected: 'a port from 1024 to 65535',
  holds: (text) => new RegExp(PORT_PATTERN).test(text) && Number(text) >= 1024 && Number(text) <= 65_535,
  cel: (text) =>
    `(${text}.matches(${JSON.stringify(PORT_PATTERN)}) && int(${text}) >= 1024 && int(${text}) <= 65535)`,
};

export const CPU: ValueKind = matching(
  '^([0-9]{1,3}([.][0-9]{1,3})?|[0-9]{1,6}m)$',
  'an amount of CPU such as 100m or 0.5',
);

/** Without the unit `m`, which Kubernetes takes as thousandths of a byte and nobody ever means. */
export const MEMORY: ValueKind = matching(
  '^[0-9]{1,12}(k|M|G|Ki|Mi|Gi)?$',
  'an amount of memory such as 128Mi',
);

export const NO_SPOOL = '0';

/** From 2Mi to 1024Gi in whole units, as a pattern, so that the schema of the chart's values has the same bounds. */
const SPOOL_AMOUNTS = [
  '(204[89]|20[5-9][0-9]|2[1-9][0-9]{2}|[3-9][0-9]{3}|[1-9][0-9]{4,6})Ki',
  '([2-9]|[1-9][0-9]{1,5}|10[0-3][0-9]{4}|104[0-7][0-9]{3}|1048[0-4][0-9]{2}|10485[0-6][0-9]|104857[0-6])Mi',
  '([1-9][0-9]{0,2}|10[01][0-9]|102[0-4])Gi',
];
export const SPOOL_PATTERN = `^(${[NO_SPOOL, ...SPOOL_AMOUNTS].join('|')})$`;

/** The sidecar takes no less than 1 MiB, and gets less than the volume has (`spool.ts`). */
export const SPOOL: ValueKind = matching(
  SPOOL_PATTERN,
  `"${NO_SPOOL}" for none, or an amount from 2Mi to 1024Gi, such as 64Mi`,
);

export const VOLUME: ValueKind = matching(
  '^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$',
  'the name of a volume of the pod',
);

const GRACE_PATTERN = '^([0-9]{1,5}[hms]){1,3}$';
const GRACE_LIMIT_S = 86_400;
const SECONDS = { h: 3600, m: 60, s: 1 } as const;

export const GRACE: ValueKind = {
  expected: 'a duration from 1s to 24h, such as 10m',
  holds: (text) => {
    const seconds = secondsOf(text);
    return new RegExp(GRACE_PATTERN).test(text) && seconds >= 1 && seconds <= GRACE_LIMIT_S;
  },
  cel: (text) =>
    `(${text}.matches(${JSON.stringify(GRACE_PATTERN)}) && duration(${text}) >= duration("1s") && duration(${text}) <= duration("24h"))`,
};

/** Of a text that is a GRACE. */
export function secondsOf(text: string): number {
  let total = 0;
  for (const [, digits, unit] of text.matchAll(/([0-9]+)([hms])/g)) {
    total += Number(digits) * SECONDS[unit as keyof typeof SECONDS];
  }
  return total;
}

export const choice = (...choices: [string, ...string[]]): ValueKind => ({
  expected: choices.map((text) => JSON.stringify(text)).join(' or '),
  holds: (text) => choices.includes(text),
  cel: (text) => `(${text} in ${JSON.stringify(choices)})`,
});

/** Compares two amounts of CPU, or two of memory: thousandths of a core, or thousandths of a byte. */
export function amount(text: string): bigint {
  const [, whole = '', fraction = '', unit = ''] =
    /^([0-9]+)(?:\.([0-9]{1,3}))?([a-zA-Z]*)$/.exec(text) ?? [];
  const thousandths = BigInt(whole) * 1000n + BigInt(fraction.padEnd(3, '0'));
  return unit === 'm' ? thousandths / 1000n : thousandths * (UNITS[unit] as bigint);
}

const UNITS: Record<string, bigint> = {
  '': 1n,
  k: 1000n,
  M: 1000n ** 2n,
  G: 1000n ** 3n,
  Ki: 1024n,
  Mi: 1024n ** 2n,
  Gi: 1024n ** 3n,
};
