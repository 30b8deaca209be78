/**
 * A prompt as a short vector: its words, pairs of words, the words it begins with, and parts of words, each counted in a
 * bucket that a hash picks. No dictionary: any language, any spelling, and a fixed size. Pure.
 */

/** Buckets of the vector; a power of two. */
export const BUCKETS = 1 << 15;

/** Buckets in rising order without repeats, and the weight of each; the squares of the weights sum up to 1. */
export interface FeatureVector {
  readonly buckets: Uint16Array;
  readonly weights: Float32Array;
}

/** Words of a prompt that are looked at: what is wanted stands at its beginning or at its end. */
const HEAD_WORDS = 160;
const TAIL_WORDS = 40;
/** Characters that surely hold as many. */
const HEAD_CHARACTERS = 8 * 1024;
const TAIL_CHARACTERS = 2 * 1024;
const LONGEST_WORD = 24;
const LEAD = 4;

const WORD = /[\p{L}\p{M}]+|\p{N}+|[.?!:"“”`\n]/gu;
const LETTER = /^[\p{L}\p{M}]/u;
const NUMBER = /^\p{N}/u;

/** How much each kind of feature counts. */
const WEIGHTS = { word: 0.8, pair: 0.6, lead: 2, start: 1.2, part: 0.5, length: 1.2, mark: 0.8 };
/** Of what stands in quotes or behind a colon: it is what something is to be done with, not what is to be done. */
const MATERIAL = 0.35;

export function featuresOf(text: string): FeatureVector {
  const tokens = tokensOf(text);
  const counts = new Map<number, number>();
  const add = (kind: string, feature: string, weight: number) => {
    const bucket = hash(kind, feature);
    counts.set(bucket, (counts.get(bucket) ?? 0) + weight);
  };
  let before: string | undefined;
  let words = 0;
  let starts = true;
  let quoted = false;
  let material = false;
  for (const token of tokens) {
    const isWord = LETTER.test(token) || NUMBER.test(token);
    if (!isWord) {
      if (token === ':') material ||= words > 0;
      else if (QUOTES.has(token)) quoted = !quoted;
      if (token !== '\n') add('m', token, WEIGHTS.mark);
      starts ||= SENTENCE_ENDS.has(token);
      before = undefined;
      continue;
    }
    const word = NUMBER.test(token) ? '0' : token.slice(0, LONGEST_WORD);
    const share = quoted || material ? MATERIAL : 1;
    add('w', word, WEIGHTS.word * share);
    if (before !== undefined) add('b', `${before} ${word}`, WEIGHTS.pair * share);
    if (words < LEAD) add(words === 0 ? 'l0' : 'l', word, WEIGHTS.lead);
    if (words === 1) add('l2', `${before} ${word}`, WEIGHTS.lead);
    if (starts && share === 1) add('s', word, WEIGHTS.start);
    const padded = `<${word}>`;
    for (let at = 0; at + 4 <= padded.length; at++) add('c', padded.slice(at, at + 4), WEIGHTS.part * share);
    starts = false;
    before = word;
    words++;
  }
  // Longer prompts fill every step up to theirs, so that neighbours in length are alike.
  for (let step = 4; step <= words && step <= 128; step *= 2) add('n', String(step), WEIGHTS.length);
  return vector(counts);
}

const QUOTES = new Set(['"', '“', '”', '`']);
const SENTENCE_ENDS = new Set(['.', '?', '!', '\n']);

function tokensOf(text: string): string[] {
  const cut =
    text.length <= HEAD_CHARACTERS + TAIL_CHARACTERS
      ? text
      : `${text.slice(0, HEAD_CHARACTERS)}\n${text.slice(-TAIL_CHARACTERS)}`;
  const found = cut.toLowerCase().match(WORD) ?? [];
  return found.length <= HEAD_WORDS + TAIL_WORDS
    ? found
    : [...found.slice(0, HEAD_WORDS), ...found.slice(-TAIL_WORDS)];
}

/** What occurs often counts more, but not in proportion. */
function vector(counts: ReadonlyMap<number, number>): FeatureVector {
  const sorted = [...counts.keys()].sort((a, b) => a - b);
  const buckets = Uint16Array.from(sorted);
  const weights = new Float32Array(sorted.length);
  let squares = 0;
  sorted.forEach((bucket, i) => {
    const weight = Math.log1p(counts.get(bucket) ?? 0);
    weights[i] = weight;
    squares += weight * weight;
  });
  const norm = Math.sqrt(squares) || 1;
  for (let i = 0; i < weights.length; i++) weights[i] = (weights[i] as number) / norm;
  return { buckets, weights };
}

/** FNV-1a over UTF-16 units, folded. */
function hash(kind: string, feature: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < kind.length; i++) value = Math.imul(value ^ kind.charCodeAt(i), 0x01000193);
  value = Math.imul(value ^ 0x20, 0x01000193);
  for (let i = 0; i < feature.length; i++) value = Math.imul(value ^ feature.charCodeAt(i), 0x01000193);
  return ((value >>> 17) ^ value) & (BUCKETS - 1);
}
