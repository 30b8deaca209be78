/**
 * All voices on one model at one provider, and what follows from them for a namespace.
 *
 * Within a namespace most of its own pods that have seen anything decide: they share keys and trust each other. Across
 * namespaces it takes three pods of two namespaces, and most of all that have seen anything: one pod, or one tenant, that
 * lies or has a network of its own persuades nobody else.
 */
import { quantileOf, SKETCH_CLASSES } from '../../../sidecar/snapshot/fleet/sketch.ts';
import { HEARD_MS, Voice } from './voices.ts';

export type State = 'Down' | 'Slow';

/** How many voices there are, and what they say. */
interface Tally {
  heard: number;
  down: number;
  slow: number;
}

export interface Summary {
  readonly byNamespace: ReadonlyMap<string, Tally>;
  readonly all: Tally;
  /** Namespaces with a voice that says so. */
  readonly downIn: number;
  readonly slowIn: number;
  readonly p50: number | undefined;
  readonly p95: number | undefined;
  readonly perMinute: number;
  /** The middle one of what pods told. */
  readonly headroom: number | undefined;
  readonly worsening: number;
}

const MIN_PODS = 3;
const MIN_NAMESPACES = 2;
/** A summary is made anew after this long, and sooner where a pod changed its mind. */
const SUMMARY_MS = 2_000;
const CHANGED_MS = 200;
/** What is usual moves slowly: half of the way in a quarter of an hour, and far slower while it is slow. */
const USUAL_HALF_LIFE_MS = 900_000;
const SLOW_HALF_LIFE_MS = 7_200_000;
const USUAL_SAMPLES = 20;
/** Slow: at least twice the usual, and noticeably so. */
const SLOW_FACTOR = 2;
const SLOW_MS = 200;

export class Cell {
  readonly #voices = new Map<string, Voice>();
  #usual: number | undefined;
  #usualAt = 0;
  #summary: Summary | undefined;
  #summaryAt = 0;
  #isChanged = false;

  voice(uid: string, namespace: string, now: number): Voice {
    let voice = this.#voices.get(uid);
    if (voice?.namespace !== namespace) {
      voice = new Voice(namespace, now);
      this.#voices.set(uid, voice);
    }
    return voice;
  }

  /** A pod says something else than before. */
  changed(): void {
    this.#isChanged = true;
  }

  forget(uid: string): void {
    this.#voices.delete(uid);
  }

  /** Nobody says anything about it any more. */
  isEmpty(now: number): boolean {
    this.#drop(now);
    return this.#voices.size === 0;
  }

  /** What holds for pods of a namespace; undefined: nothing is held against it. */
  state(namespace: string, now: number): State | undefined {
    const { byNamespace, all, downIn, slowIn } = this.summary(now);
    const own = byNamespace.get(namespace);
    if (own && most(own.down, own.heard)) return 'Down';
    if (all.down >= MIN_PODS && downIn >= MIN_NAMESPACES && most(all.down, all.heard)) return 'Down';
    if (own && most(own.slow, own.heard)) return 'Slow';
    return all.slow >= MIN_PODS && slowIn >= MIN_NAMESPACES && most(all.slow, all.heard) ? 'Slow' : undefined;
  }

  /** Whether what was measured may be told to a namespace: it has seen some of it itself, or it is that of many. */
  mayTell(namespace: string, now: number): boolean {
    const { byNamespace, all } = this.summary(now);
    return byNamespace.has(namespace) || (all.heard >= MIN_PODS && byNamespace.size >= MIN_NAMESPACES);
  }

  /** At most two seconds old. */
  summary(now: number): Summary {
    const lasts = this.#isChanged ? CHANGED_MS : SUMMARY_MS;
    if (this.#summary && now - this.#summaryAt < lasts) return this.#summary;
    this.#isChanged = false;
    this.#drop(now);
    this.#summaryAt = now;
    this.#summary = this.#summarise(now);
    return this.#summary;
  }

  #summarise(now: number): Summary {
    const byNamespace = new Map<string, Tally>();
    const all: Tally = { heard: 0, down: 0, slow: 0 };
    const merged = new Float64Array(SKETCH_CLASSES);
    const headrooms: number[] = [];
    let [perMinute, worsening] = [0, 0];
    for (const voice of this.#voices.values()) voice.addTo(merged);
    const p50 = quantileOf(merged, 0.5);
    const usual = this.#usual;
    for (const voice of this.#voices.values()) {
      perMinute += voice.perMinute;
      if (voice.headroom !== undefined) headrooms.push(voice.headroom);
      if (!voice.hasSeen) continue;
      if (voice.isWorsening) worsening++;
      let tally = byNamespace.get(voice.namespace);
      if (!tally) byNamespace.set(voice.namespace, (tally = { heard: 0, down: 0, slow: 0 }));
      const down = voice.saysDown;
      const slow = down || isSlow(voice.p50, usual);
      for (const each of [tally, all]) {
        each.heard++;
        if (down) each.down++;
        if (slow) each.slow++;
      }
    }
    this.#learn(merged, p50, all, now);
    const told = [...byNamespace.values()];
    headrooms.sort((a, b) => a - b);
    return {
      byNamespace,
      all,
      downIn: told.filter(({ down }) => down > 0).length,
      slowIn: told.filter(({ slow }) => slow > 0).length,
      p50,
      p95: quantileOf(merged, 0.95),
      perMinute,
      headroom: headrooms[headrooms.length >> 1],
      worsening,
    };
  }

  /** What is usual is learnt from many, and hardly from times that are not. */
  #learn(merged: Float64Array, p50: number | undefined, all: Tally, now: number): void {
    const samples = merged.reduce((sum, count) => sum + count, 0);
    if (p50 === undefined || samples < USUAL_SAMPLES) return;
    if (this.#usual === undefined) {
      this.#usual = p50;
    } else {
      const halfLife =
        most(all.slow, all.heard) || isSlow(p50, this.#usual) ? SLOW_HALF_LIFE_MS : USUAL_HALF_LIFE_MS;
      const share = 1 - 2 ** (-(now - this.#usualAt) / halfLife);
      this.#usual += (p50 - this.#usual) * share;
    }
    this.#usualAt = now;
  }

  #drop(now: number): void {
    for (const [uid, { at }] of this.#voices) if (now - at > HEARD_MS) this.#voices.delete(uid);
  }
}

const isSlow = (p50: number | undefined, usual: number | undefined): boolean =>
  p50 !== undefined && usual !== undefined && p50 >= SLOW_FACTOR * usual && p50 - usual >= SLOW_MS;

const most = (count: number, of: number): boolean => count > 0 && 2 * count > of;
