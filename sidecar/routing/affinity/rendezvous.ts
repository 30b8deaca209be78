/**
 * Weighted rendezvous hashing: each member of a set draws a ticket for a key, and the lowest ticket wins. The ticket is an
 * exponential variate whose rate is the member's weight, so members win in proportion to their weights, and who wins is the
 * same in every pod. A member that comes, goes or changes its weight moves only the keys it wins or loses.
 */
import { hash } from 'node:crypto';

/** 64 bits of a key's SHA-256; what they were made of cannot be had back. */
export interface KeyHash {
  readonly hi: number;
  readonly lo: number;
}

/** Keys of one salt share nothing with those of another. */
export function keyHash(salt: string, key: string | Buffer): KeyHash {
  const digest =
    typeof key === 'string'
      ? hash('sha256', `${salt}\0${key}`, 'buffer')
      : hash('sha256', Buffer.concat([Buffer.from(`${salt}\0`), key]), 'buffer');
  return { hi: digest.readUInt32BE(0), lo: digest.readUInt32BE(4) };
}

/** 53 bits as one integer, for maps. */
export const keyNumber = ({ hi, lo }: KeyHash): number => hi * 0x20_0000 + (lo >>> 11);

/** `weight` is positive. The same numbers give the same ticket on every machine. */
export function ticket({ hi, lo }: KeyHash, member: string, weight: number): number {
  const seed = seedOf(member);
  const a = mix(hi ^ seed);
  const b = mix(lo ^ mix(seed + 0x9e37_79b9) ^ a);
  // Open at both ends: neither 0 nor 1 has a ticket.
  const uniform = ((a >>> 5) * 0x400_0000 + (b >>> 6) + 0.5) / 0x20_0000_0000_0000;
  return -Math.log(uniform) / weight;
}

/** FNV-1a over the UTF-16 code units, mixed. */
function seedOf(member: string): number {
  let seed = 0x811c_9dc5;
  for (let i = 0; i < member.length; i++) seed = Math.imul(seed ^ member.charCodeAt(i), 0x0100_0193);
  return mix(seed);
}

/** The finaliser of MurmurHash3: every bit of the input changes half of the output. */
function mix(value: number): number {
  let x = value | 0;
  x = Math.imul(x ^ (x >>> 16), 0x85eb_ca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2_ae35);
  return (x ^ (x >>> 16)) >>> 0;
}
