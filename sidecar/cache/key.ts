/**
 * What makes two requests the same: everything that can change the answer, and for whom it is. Members of the body count as
 * they are written, in the order of their names; those that only say who asks, or how providers bill and log it, do not.
 */
import { createHash, type Hash } from 'node:crypto';
import type { Envelope, MemberRange } from '../dialects/envelope.ts';

/** Of the body. `stream` is told apart by itself. */
const WITHOUT_EFFECT: ReadonlySet<string> = new Set([
  'stream',
  'stream_options',
  'user',
  'metadata',
  'safety_identifier',
  'prompt_cache_key',
  'prompt_cache_retention',
  'prompt_cache_options',
]);

export interface KeyParts {
  /** For whom: who shares answers, the values of the headers that tell apart, and the caller's own key where it is used. */
  tenant: readonly string[];
  /** Route, rule and arm: what is done with the request. */
  rule: readonly string[];
  path: string;
  query: string;
  /** Lower-case names and values in turn. */
  headers: readonly string[];
}

/** 32 bytes in base64url; equal for requests that are the same. */
export function exactKey(parts: KeyParts, envelope: Envelope): string {
  const hash = begin('exact', parts, envelope);
  const { body, members } = envelope;
  for (const { name, valueStart, end } of sorted(members)) {
    part(hash, name);
    bytes(hash, body, valueStart, end);
  }
  return hash.digest('base64url');
}

/** The same for requests that differ in what the user says: `text` holds the ranges of that. */
export function fingerprint(
  parts: KeyParts,
  envelope: Envelope,
  text: readonly { start: number; end: number }[],
): string {
  const hash = begin('semantic', parts, envelope);
  const { body, members } = envelope;
  for (const { name, valueStart, end } of sorted(members)) {
    part(hash, name);
    let from = valueStart;
    for (const range of text) {
      if (range.start < from || range.end > end) continue;
      bytes(hash, body, from, range.start);
      from = range.end;
    }
    bytes(hash, body, from, end);
  }
  return hash.digest('base64url');
}

function begin(kind: string, { tenant, rule, path, query, headers }: KeyParts, envelope: Envelope): Hash {
  const hash = createHash('sha256');
  part(hash, kind);
  for (const list of [tenant, rule, headers]) {
    hash.update(`${list.length};`);
    for (const one of list) part(hash, one);
  }
  part(hash, path);
  part(hash, query);
  part(hash, envelope.stream ? streamForm(envelope) : 'whole');
  return hash;
}

/** Which events a stream has depends on its options. */
function streamForm({ body, members }: Envelope): string {
  const options = members.get('stream_options');
  return `stream ${options ? body.toString('utf8', options.valueStart, options.end) : ''}`;
}

function sorted(members: Envelope['members']): MemberRange[] {
  const list: MemberRange[] = [];
  for (const member of members.values()) if (!WITHOUT_EFFECT.has(member.name)) list.push(member);
  return list.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Each with its length: no two lists of parts run together to the same bytes. */
function part(hash: Hash, text: string): void {
  hash.update(`${Buffer.byteLength(text)}:`);
  hash.update(text);
}

function bytes(hash: Hash, body: Buffer, start: number, end: number): void {
  hash.update(`${end - start}:`);
  hash.update(body.subarray(start, end));
}
