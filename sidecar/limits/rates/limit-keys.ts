/** One limit of a rule with its keys, as far as they are told apart here. */
import { OTHER_KEY } from '../../snapshot/shapes/budgets.ts';
import { keyKind, type RateKeyPart, type RateLimitBody } from '../../snapshot/shapes/rate-limits.ts';
import { Bucket } from './bucket.ts';

const MAX_VALUE = 256;
/** Looked at when one more key is wanted and there are as many as there may be. */
const LOOKED_AT = 16;

/** What the key is made of. */
export interface Asking {
  header(name: string): string | undefined;
}

export class LimitKeys {
  readonly buckets = new Map<string, Bucket>();
  body: RateLimitBody;
  readonly #workload: string;

  constructor(body: RateLimitBody, workload = '') {
    this.body = body;
    this.#workload = workload;
  }

  configure(body: RateLimitBody): void {
    if (body.key.length !== this.body.key.length || keyKind(body.key) !== keyKind(this.body.key)) {
      // What was counted was counted of something else.
      this.buckets.clear();
    }
    this.body = body;
    for (const bucket of this.buckets.values()) bucket.configure(body);
  }

  bucket(asking: Asking, now: number): Bucket {
    const key = keyOf(this.body.key, asking, this.#workload);
    const known = this.buckets.get(key);
    if (known !== undefined) return known;
    return this.#add(key, now);
  }

  /** The same to read; undefined: nothing is counted for it. */
  find(asking: Asking): Bucket | undefined {
    return this.buckets.get(keyOf(this.body.key, asking, this.#workload));
  }

  #add(key: string, now: number): Bucket {
    if (this.buckets.size >= this.body.maxKeys && !this.#forgetSome(now) && key !== OTHER_KEY) {
      return this.buckets.get(OTHER_KEY) ?? this.#add(OTHER_KEY, now);
    }
    const bucket = new Bucket(this.body, key);
    this.buckets.set(key, bucket);
    return bucket;
  }

  #forgetSome(now: number): boolean {
    let looked = 0;
    for (const [key, bucket] of this.buckets) {
      if (looked++ >= LOOKED_AT) break;
      this.buckets.delete(key);
      if (!bucket.isIdle(now)) this.buckets.set(key, bucket);
    }
    return this.buckets.size < this.body.maxKeys;
  }
}

/** Values of the parts, joined. The namespace is left empty: the operator knows it for certain. */
export function keyOf(parts: readonly RateKeyPart[], asking: Asking, workload: string): string {
  if (parts.length === 0) return '';
  let key = '';
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i] as RateKeyPart;
    const value =
      part.by === 'Header' ? (asking.header(part.header) ?? '') : part.by === 'Workload' ? workload : '';
    key += (i === 0 ? '' : '/') + (value.length > MAX_VALUE ? value.slice(0, MAX_VALUE) : value);
  }
  return key;
}
