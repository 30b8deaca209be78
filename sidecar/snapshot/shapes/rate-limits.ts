/** Limits of rates as they travel in a rule: its own and the platform's, with every default applied. */

export interface RateLimitBody {
  /** Whose it is, such as `route/shop/assistant/chat/per-tenant` or `policy/platform/teams/per-team`: the fleet shares it by this name. */
  id: string;
  /** Absent: only `concurrency` limits. Requests and tokens never both. */
  rate?: {
    of: 'Requests' | 'Tokens';
    amount: number;
    per: RatePer;
    /** Most at once; absent: the amount. */
    burst?: number;
  };
  /** Requests under way. */
  concurrency?: number;
  /** What requests are told apart by; values are joined by `/`. Empty: nothing. */
  key: RateKeyPart[];
  /** Keys beyond so many share one, `_other`. */
  maxKeys: number;
  /** Absent: first come, first served. */
  fair?: { by: RateKeyPart[]; weights: { value: string; weight: number }[] };
  /** How long a request may wait for room; 0: it is refused. */
  maxWaitMs: number;
}

export type RatePer = 'Second' | 'Minute' | 'Hour' | 'Day';

export type RateKeyPart =
  /** Of the pod: one value in a process, and told apart by the operator. */
  | { by: 'Namespace' | 'Workload' }
  /** Lower-case name of a header of the caller's request; absent: empty. */
  | { by: 'Header'; header: string };

export const PER_MS: Readonly<Record<RatePer, number>> = {
  Second: 1000,
  Minute: 60_000,
  Hour: 3_600_000,
  Day: 86_400_000,
};

/** What a window of a limit holds, and its length in milliseconds: with a burst, shorter windows that hold so much. */
export function windowOf({ amount, per, burst }: NonNullable<RateLimitBody['rate']>): {
  capacity: number;
  lengthMs: number;
} {
  const lengthMs = PER_MS[per];
  if (burst === undefined || burst >= amount) return { capacity: amount, lengthMs };
  return { capacity: burst, lengthMs: (lengthMs * burst) / amount };
}

/** In words, without values: such as `Namespace/Header x-tenant`. */
export const keyKind = (parts: readonly RateKeyPart[]): string =>
  parts.map((part) => (part.by === 'Header' ? `Header ${part.header}` : part.by)).join('/');

/** In words, such as `600 Requests per Minute, 20 at once`. */
export function allowsOf({ rate, concurrency }: RateLimitBody): string {
  const words = [
    ...(rate ? [`${rate.amount} ${rate.of} per ${rate.per}`] : []),
    ...(rate?.burst === undefined ? [] : [`${rate.burst} at once`]),
    ...(concurrency === undefined ? [] : [`${concurrency} under way`]),
  ];
  return words.join(', ');
}
