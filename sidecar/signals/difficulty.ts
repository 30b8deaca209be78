/**
 * How hard a prompt looks, 0 to 100: a sum of cheap features, each with a bound. It is the same in every pod and in
 * `outrider explain`, and nothing is learned. The words are English; in other languages length, code, math, turns and tools
 * still count.
 */
import type { RequestFacts } from '../routing/plan.ts';
import { type Content, ENOUGH } from './content.ts';
import { known, type Reading } from './reading.ts';

/** Points of each feature; the guide on signals publishes them. */
type Features = Record<keyof typeof FEATURES, number>;

/** What a feature counts, its points for each, and its bound. */
export const FEATURES = {
  length: { counts: 'every 6 words', each: 1, most: 20 },
  code: { counts: 'code in the user messages', each: 20, most: 20 },
  math: { counts: 'math in the user messages', each: 20, most: 20 },
  thinking: {
    counts: 'words that ask for thought: prove, derive, design, debug, optimise, why …',
    each: 12,
    most: 36,
  },
  constraints: { counts: 'words that bind: must, at most, exactly, without, unless …', each: 6, most: 24 },
  steps: { counts: 'steps: then, finally, step by step, numbered lines', each: 5, most: 15 },
  questions: { counts: 'question marks beyond the first', each: 3, most: 9 },
  turns: { counts: 'user messages beyond the first', each: 1, most: 6 },
  tools: { counts: 'offering tools', each: 5, most: 5 },
  plain: {
    counts: 'words that ask for little: translate, classify, extract, spell, one word …',
    each: -10,
    most: -30,
  },
} as const;

const THINKING = words(
  'prove proof derive design debug optimise optimize architect architecture refactor diagnose analyse analyze evaluate justify reconcile simulate implement model investigate trade-off trade-offs tradeoff tradeoffs strategy algorithm complexity why root-cause bottleneck deadlock concurrency race rigorous rigorously migration feasibility forecast counterexample invariant threat vulnerabilities',
);
const CONSTRAINTS = words(
  'must cannot exactly unless without except only ensure constraint constraints limit limited maximum minimum within between respectively guarantee avoid satisfy subject provided assuming given budget deadline',
);
const STEPS = words('then finally afterwards firstly secondly thirdly lastly step steps');
const PLAIN = words(
  'translate classify extract spell spelling label tag categorize categorise convert capital synonym antonym rhyme hello hi thanks lowercase uppercase capitalize yes/no sentiment define alphabetical alphabetically',
);
const NUMBERED = /^[^\S\n]*(?:\d{1,2}[.)]|[-*•])[^\S\n]/gm;
const WORD = /[\p{L}\p{N}][\p{L}\p{N}/-]*/gu;
/** Words beyond these are not looked up: by then every bound is reached or the text is not about tasks. */
const MOST_WORDS = 4000;

function words(list: string): ReadonlySet<string> {
  return new Set(list.split(' '));
}

export function readDifficulty(
  last: string,
  { code, math }: Content,
  { turns, tools }: Pick<RequestFacts, 'turns' | 'tools'>,
): Reading<number> {
  const counted = countWords(last);
  const features: Features = {
    length: bounded('length', Math.floor(counted.words / 6)),
    code: bounded('code', code >= ENOUGH ? 1 : 0),
    math: bounded('math', math >= ENOUGH ? 1 : 0),
    thinking: bounded('thinking', counted.thinking),
    constraints: bounded('constraints', counted.constraints),
    steps: bounded('steps', counted.steps + occurrences(last, NUMBERED, 3)),
    questions: bounded('questions', occurrences(last, /\?/g, 4) - 1),
    turns: bounded('turns', turns - 1),
    tools: bounded('tools', tools ? 1 : 0),
    plain: bounded('plain', counted.plain),
  };
  const sum = Object.values(features).reduce((total, one) => total + one, 0);
  const score = Math.min(100, Math.max(0, sum));
  const parts = Object.entries(features).flatMap(([name, of]) => (of === 0 ? [] : [`${name} ${of}`]));
  return known(score, `difficulty ${score}${parts.length > 0 ? ` (${parts.join(', ')})` : ''}`);
}

function bounded(feature: keyof typeof FEATURES, count: number): number {
  const { each, most } = FEATURES[feature];
  const points = Math.max(0, count) * each;
  return each > 0 ? Math.min(points, most) : Math.max(points, most);
}

function countWords(text: string): {
  words: number;
  thinking: number;
  constraints: number;
  steps: number;
  plain: number;
} {
  const counted = { words: 0, thinking: 0, constraints: 0, steps: 0, plain: 0 };
  for (const [found] of text.matchAll(WORD)) {
    if (++counted.words > MOST_WORDS) break;
    if (found.length > 16) continue;
    const word = found.toLowerCase();
    if (THINKING.has(word)) counted.thinking++;
    else if (CONSTRAINTS.has(word)) counted.constraints++;
    else if (STEPS.has(word)) counted.steps++;
    else if (PLAIN.has(word)) counted.plain++;
  }
  return counted;
}

function occurrences(text: string, pattern: RegExp, most: number): number {
  let count = 0;
  pattern.lastIndex = 0;
  while (count < most && pattern.exec(text) !== null) count++;
  return count;
}
