/** PURE: how much of the beginning of a conversation goes. The last turn stays, its last round always. */
import type { Round, Turn } from './rounds.ts';
import type { Unit } from './units.ts';

export interface CutLimits {
  /** Turns that may stay. Unset: all. */
  readonly keepLast?: number | undefined;
  /** Of the whole prompt. Unset: no bound. */
  readonly maxTokens?: number | undefined;
}

export interface Cut {
  /** Whole turns at the beginning that go. */
  readonly turns: number;
  /** Rounds of the last turn that go: calls of tools and their results. */
  readonly rounds: number;
  readonly units: ReadonlySet<Unit>;
  readonly tokens: number;
}

/** Something that can go, once all before it has. */
interface Piece {
  readonly units: readonly Unit[];
  readonly tokens: number;
  /** Place of the turn that it is; undefined: it is a part of the last one. */
  readonly turn: number | undefined;
  /** What comes behind it may stand at the beginning. */
  readonly mayEnd: boolean;
}

/**
 * Each time a bound is passed a quarter of it goes at once, counted from the beginning of the conversation: so the next
 * requests of it are cut at the same place, and begin alike for the cache of the vendor.
 */
const STEPS = 4;

/** `promptTokens`: of the whole prompt, instructions and tools included. */
export function cutOf(turns: readonly Turn[], promptTokens: number, { keepLast, maxTokens }: CutLimits): Cut {
  const pieces = piecesOf(turns);
  const older = keepLast === undefined ? 0 : turns.length - keepLast;
  const least = pieces.filter(({ turn }) => turn !== undefined && turn < older).length;
  const over = maxTokens === undefined ? 0 : promptTokens - maxTokens;
  const count = over > 0 ? Math.max(least, forTokens(pieces, over, maxTokens ?? 0)) : least;
  const gone = pieces.slice(0, count);
  return {
    turns: gone.filter(({ turn }) => turn !== undefined).length,
    rounds: gone.filter(({ turn }) => turn === undefined).length,
    units: new Set(gone.flatMap(({ units }) => units)),
    tokens: gone.reduce((tokens, piece) => tokens + piece.tokens, 0),
  };
}

/** How many pieces go so that at least `over` tokens do; all that may, where that is not enough. */
function forTokens(pieces: readonly Piece[], over: number, maxTokens: number): number {
  const step = Math.ceil(maxTokens / STEPS);
  const goal = Math.ceil(over / step) * step;
  let enough: number | undefined;
  let all = 0;
  let tokens = 0;
  for (const [index, piece] of pieces.entries()) {
    tokens += piece.tokens;
    if (!piece.mayEnd) continue;
    all = index + 1;
    if (tokens < over) continue;
    if (enough !== undefined && tokens > goal) break;
    enough = all;
  }
  return enough ?? all;
}

function piecesOf(turns: readonly Turn[]): Piece[] {
  const last = turns.at(-1);
  if (!last) return [];
  const whole = turns.slice(0, -1).flatMap(({ rounds, tokens }, turn): Piece[] => {
    const units = rounds.flatMap((round) => round.units);
    return units.some(({ instructs }) => instructs) ? [] : [{ units, tokens, turn, mayEnd: true }];
  });
  return [...whole, ...innerPieces(last.rounds)];
}

/** Rounds of the last turn behind the user's last words, but for the very last. */
function innerPieces(rounds: readonly Round[]): Piece[] {
  const stays = ({ words, units }: Round) => words || units.some(({ instructs }) => instructs);
  const from = rounds.findLastIndex(stays) + 1;
  // Without words of the user in it, its beginning is all there is to begin with.
  if (from === 0) return [];
  // A vendor that sees thoughts wants them before the calls that they led to.
  const thinks = rounds.some((round) => round.thinks || round.units.some((unit) => unit.thinks));
  return rounds.slice(from, -1).map(
    ({ units, tokens }, i): Piece => ({
      units,
      tokens,
      turn: undefined,
      mayEnd: !thinks || rounds[from + i + 1]?.thinks === true,
    }),
  );
}
