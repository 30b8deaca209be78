/** Whether the user's words hold code or mathematics: a handful of marks, each with points; no parsing. */
import { known, type Reading } from './reading.ts';

export interface Content {
  /** 0 to 100; from `ENOUGH` on it is there. */
  code: number;
  math: number;
}

export const ENOUGH = 50;

/** Pattern, points for each occurrence, and the most points. Each pattern takes time in proportion to the text. */
type Mark = readonly [RegExp, number, number];

const CODE: readonly Mark[] = [
  [/```|~~~/g, 30, 60],
  [
    /^[^\S\n]*(?:import|from|export|const|let|var|def|class|function|func|fn|public|private|package|#include|using|return)\b[^\n]{2,}/gm,
    20,
    60,
  ],
  [/[;{}][^\S\n]*$/gm, 15, 60],
  [/\b\w+\([^()\n]{0,80}\)[^\S\n]*(?:[;{:.]|=>|->)/g, 15, 45],
  [/=>|::|!==?|===?|&&|\|\||\+=|->|<\/\w+>/g, 12, 36],
  [/\bselect\b[^;]{1,200}\bfrom\b|\binsert into\b|\bcreate table\b/gi, 50, 50],
  [
    /\bTraceback \(most recent call last\)|\bException in thread\b|^[^\S\n]+at [\w$.<>]+\(|\bFile "[^"\n]+", line \d+|\b[A-Z]\w+(?:Error|Exception)\b/gm,
    35,
    70,
  ],
  [/\b[a-z]+(?:_[a-z]+)+\(|\b[a-z]+[A-Z]\w*\(/g, 20, 40],
  [/`[^`\n]{2,80}`/g, 12, 36],
];

const MATH: readonly Mark[] = [
  [/\\(?:frac|int|sum|sqrt|lim|prod|begin\{|mathbb|alpha|beta|theta|partial|cdot|leq|geq)/g, 35, 70],
  [/[∑∫√∂∞≤≥≠≈∈∀∃∏±]/g, 30, 60],
  [/\$[^$\n]{2,120}\$/g, 20, 40],
  [
    /\b[a-z]\s?\^\s?[\d{(-]|\b\d+[a-z]\b\s?[-+*/=]|[)\w]\s?=\s?-?\d+[a-z]?\s?[-+*/^]|\b[a-z]\([a-z]\)\s?=/g,
    30,
    60,
  ],
  [/\b\d+(?:\.\d+)?\s?[-+*/×÷]\s?\d+(?:\.\d+)?\s?[-+*/×÷=]/g, 25, 50],
  [
    /\b(?:integral|derivative|eigenvalues?|matri(?:x|ces)|polynomial|theorem|lemma|probability|logarithm|quadratic|modulo|variance|differential equation|permutations?|combinatori\w+|prime numbers?|induction|convex|gradient|equation|cosine|sine|hypotenuse)\b/gi,
    20,
    60,
  ],
];

export function readContent(text: string): Reading<Content> {
  const content = { code: points(text, CODE), math: points(text, MATH) };
  return known(content, `code ${content.code}, math ${content.math} of 100`);
}

/** What is there. */
export function contentWords({ code, math }: Content): ('Code' | 'Math')[] {
  return [...(code >= ENOUGH ? (['Code'] as const) : []), ...(math >= ENOUGH ? (['Math'] as const) : [])];
}

function points(text: string, marks: readonly Mark[]): number {
  let sum = 0;
  for (const [pattern, each, most] of marks) {
    let of = 0;
    pattern.lastIndex = 0;
    while (of < most && pattern.exec(text) !== null) of += each;
    pattern.lastIndex = 0;
    sum += Math.min(of, most);
    if (sum >= 100) return 100;
  }
  return sum;
}
