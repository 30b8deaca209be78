/**
 * Answers as they lie in a store that others write to as well: with a version and a checksum, and nothing believed that does
 * not agree with both. Layout: 4 bytes of magic and version, 32 of SHA-256 over the rest, 4 of length, JSON, body. Pure.
 */
import { createHash } from 'node:crypto';
import type { CachedAnswer } from '../answer.ts';

const MAGIC = Buffer.from('ORC\x01', 'latin1');
const SUM_BYTES = 32;
const LENGTH_AT = MAGIC.length + SUM_BYTES;
const META_AT = LENGTH_AT + 4;
const MAX_META = 64 * 1024;

/** `key`: an answer that was put under another one, by whatever mistake, is none. */
export function encodeAnswer(key: string, answer: CachedAnswer): Buffer {
  const { body, costNanoUsd, similarityPercent: _other, ...rest } = answer;
  const meta = Buffer.from(JSON.stringify({ key, ...rest, cost: costNanoUsd?.toString() }));
  const head = Buffer.alloc(META_AT);
  MAGIC.copy(head);
  head.writeUInt32BE(meta.length, LENGTH_AT);
  const sum = createHash('sha256').update(head.subarray(LENGTH_AT)).update(meta).update(body).digest();
  sum.copy(head, MAGIC.length);
  return Buffer.concat([head, meta, body]);
}

/** Undefined: it is not an answer of this version to this key, or not as it was written. Never throws. */
export function decodeAnswer(key: string, value: Buffer): CachedAnswer | undefined {
  if (value.length < META_AT || !value.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
  const sum = createHash('sha256').update(value.subarray(LENGTH_AT)).digest();
  if (!value.subarray(MAGIC.length, LENGTH_AT).equals(sum)) return undefined;
  const length = value.readUInt32BE(LENGTH_AT);
  if (length > MAX_META || META_AT + length > value.length) return undefined;
  try {
    const meta: unknown = JSON.parse(value.toString('utf8', META_AT, META_AT + length));
    return answerOf(key, meta as Record<string, unknown>, value.subarray(META_AT + length));
  } catch {
    return undefined;
  }
}

function answerOf(key: string, meta: Record<string, unknown>, bytes: Buffer): CachedAnswer | undefined {
  const { headers, streamed, target, provider, model, warnings, at, expires, cost } = meta;
  if (meta['key'] !== key || typeof streamed !== 'boolean') return undefined;
  if (!isTexts(headers) || !isTexts(warnings)) return undefined;
  if (typeof target !== 'string' || typeof provider !== 'string' || typeof model !== 'string')
    return undefined;
  if (typeof at !== 'number' || typeof expires !== 'number') return undefined;
  if (cost !== undefined && (typeof cost !== 'string' || !/^\d{1,24}$/.test(cost))) return undefined;
  // The value may be a part of a larger piece of memory, which would stay with it.
  const body = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(body);
  const costNanoUsd = cost === undefined ? undefined : BigInt(cost);
  return { headers, body, streamed, target, provider, model, warnings, at, expires, costNanoUsd };
}

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.length <= 64 && value.every((one) => typeof one === 'string');
