/** So much of a text as may be sent: its head and its tail, by the fixed ratios of estimates. */
import { TOKENS_PER_1000_BYTES } from '../../accounting/estimate.ts';

const BETWEEN = '\n[...]\n';
/** The most bytes that one character takes in UTF-8, apart from those that take two units of a string. */
const LONGEST_BYTES = 3;

/** Whole where it has at most `maxTokens` by estimate. */
export function cutText(text: string, maxTokens: number): string {
  if (tokensOf(text, 0, text.length) <= maxTokens) return text;
  const half = maxTokens / 2;
  let head = 0;
  for (let spent = 0; head < text.length; head++) {
    spent += tokensAt(text, head);
    if (spent > half) break;
  }
  let tail = text.length;
  for (let spent = 0; tail > head; tail--) {
    spent += tokensAt(text, tail - 1);
    if (spent > half) break;
  }
  // No half of a pair is left behind.
  if (isLow(text, head)) head--;
  if (isLow(text, tail)) tail++;
  return text.slice(0, head) + BETWEEN + text.slice(tail);
}

function tokensOf(text: string, start: number, end: number): number {
  let tokens = 0;
  for (let i = start; i < end; i++) tokens += tokensAt(text, i);
  return tokens;
}

function tokensAt(text: string, index: number): number {
  const unit = text.charCodeAt(index);
  if (unit < 0x80) return TOKENS_PER_1000_BYTES.ascii / 1000;
  const bytes = unit < 0x800 ? 2 : isSurrogate(unit) ? 2 : LONGEST_BYTES;
  return (bytes * TOKENS_PER_1000_BYTES.nonAscii) / 1000;
}

const isSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdfff;
function isLow(text: string, index: number): boolean {
  const unit = text.charCodeAt(index);
  return unit >= 0xdc00 && unit <= 0xdfff;
}
