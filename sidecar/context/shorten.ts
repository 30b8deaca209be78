/** PURE: a shorter request out of a long one, by the rule's bounds and the summary of its older turns, where there is one. */

import { estimateInputTokens } from '../accounting/estimate.ts';
import type { Dialect } from '../dialects/dialect.ts';
import type { Envelope } from '../dialects/envelope.ts';
import type { ContextBody, SummaryBody } from '../snapshot/shapes/context.ts';
import { type Cut, cutOf } from './cut.ts';
import { rewritten } from './rewrite.ts';
import { type Turn, turnsOf } from './rounds.ts';
import type { Summary } from './summaries.ts';
import { readUnits, type Unit } from './units.ts';

export interface Outline {
  readonly units: readonly Unit[];
  readonly turns: readonly Turn[];
  /** Of the whole prompt, instructions and tools included. */
  readonly tokens: number;
  /** Of the prompt with a summary instead of the turns that it summarises. */
  tokensWith(summary: Pick<Summary, 'text' | 'turns'>): number;
}

export interface Shortened {
  readonly envelope: Envelope;
  /** By estimate; more than none. */
  readonly savedTokens: number;
  /** The summary that is in it. */
  readonly summary: Summary | undefined;
  /** Turns that are gone without a summary, and calls of tools. */
  readonly left: number;
  /** A sentence with the numbers. */
  readonly detail: string;
}

/** Undefined where the body has no list of messages. */
export function outlineOf(
  envelope: Envelope,
  dialect: Pick<Dialect, 'name' | 'readRequest'>,
  { inputTokens: tokens }: { inputTokens: number },
): Outline | undefined {
  const units = readUnits(envelope, dialect);
  if (!units) return undefined;
  const turns = turnsOf(units);
  return {
    units,
    turns,
    tokens,
    tokensWith: ({ text, turns: count }) =>
      turns.slice(0, count).reduce((left, turn) => left - turn.tokens, tokens) + tokensOf(text),
  };
}

/** Its two messages have some words of ours besides. */
const SUMMARY_TOKENS = 30;

function tokensOf(text: string): number {
  const bytes = { ascii: Buffer.byteLength(text), nonAscii: 0, escaped: 0 };
  return estimateInputTokens(bytes, { images: 0, audio: 0, files: 0, bytes: 0 }).tokens + SUMMARY_TOKENS;
}

export const wantsSummary = ({ afterTokens, keepLast }: SummaryBody, { tokens, turns }: Outline): boolean =>
  tokens > afterTokens && turns.length > keepLast;

/**
 * `summary`: of older turns; `Truncate`: there is none, and they go without; `Pass`: there is none, and they stay as far as
 * the bound lets them. Undefined: nothing goes, or what would be sent is no shorter.
 */
export function shortened(
  envelope: Envelope,
  dialect: Pick<Dialect, 'name' | 'readRequest'>,
  outline: Outline,
  { keepLast, maxTokens, summarize }: ContextBody,
  summary: Summary | 'Pass' | 'Truncate' | undefined,
): Shortened | undefined {
  const { turns, tokens } = outline;
  if (typeof summary === 'object') {
    // What a summary stands for goes whatever the bound is, and it counts itself.
    const kept = turns.length - summary.turns;
    const grown = tokens + tokensOf(summary.text);
    const made = attempt(
      envelope,
      dialect,
      outline,
      cutOf(turns, grown, { keepLast: kept, maxTokens }),
      summary,
    );
    if (made) return made;
  }
  const keep = summary === 'Truncate' && summarize ? summarize.keepLast : keepLast;
  return attempt(envelope, dialect, outline, cutOf(turns, tokens, { keepLast: keep, maxTokens }), undefined);
}

function attempt(
  before: Envelope,
  dialect: Pick<Dialect, 'readRequest'>,
  { units, turns, tokens }: Outline,
  cut: Cut,
  summary: Summary | undefined,
): Shortened | undefined {
  if (cut.units.size === 0) return undefined;
  const body = rewritten(before.body, units, cut.units, summary?.text);
  if (body.length >= before.body.length) return undefined;
  const envelope = dialect.readRequest(body);
  const sent = estimateInputTokens(envelope.text, envelope.attachments, envelope.tokenIds).tokens;
  if (sent >= tokens) return undefined;
  const left = Math.max(0, cut.turns - (summary?.turns ?? 0));
  const parts = [
    summary && `${summary.turns} turns as a summary${summary.remembered ? ' that was remembered' : ''}`,
    left > 0 && `${left} of ${turns.length} turns left out`,
    cut.rounds > 0 && `${cut.rounds} rounds of tool calls of the last turn left out`,
  ].filter((part) => typeof part === 'string');
  return {
    envelope,
    savedTokens: tokens - sent,
    summary,
    left: left + cut.rounds,
    detail: `${parts.join(', ')}: about ${sent} of ${tokens} tokens are sent`,
  };
}
