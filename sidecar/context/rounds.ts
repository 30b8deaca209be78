/**
 * Where a conversation may be cut. A round is what must stay together: messages of the user in a row, or what the model wrote
 * with the results of the tools it called. A turn is a message of the user with all rounds up to the next one.
 */
import type { Unit } from './units.ts';

export interface Round {
  /** Units without instructions, in order. */
  readonly units: readonly Unit[];
  readonly tokens: number;
  readonly words: boolean;
  /** It begins with what the model thought. */
  readonly thinks: boolean;
}

export interface Turn {
  readonly rounds: readonly Round[];
  readonly tokens: number;
}

export function turnsOf(units: readonly Unit[]): Turn[] {
  const turns: Round[][] = [];
  for (const round of roundsOf(units)) {
    const last = turns.at(-1);
    if (last && round.units[0]?.kind !== 'User') last.push(round);
    else turns.push([round]);
  }
  return turns.map((rounds) => ({ rounds, tokens: sum(rounds) }));
}

function roundsOf(units: readonly Unit[]): Round[] {
  const runs: Unit[][] = [];
  let before: Unit | undefined;
  for (const unit of units) {
    if (unit.kind === 'System') continue;
    const last = runs.at(-1);
    if (last && (unit.kind === 'Result' || unit.kind === before?.kind)) last.push(unit);
    else runs.push([unit]);
    before = unit;
  }
  return joined(runs).map((run) => ({
    units: run,
    tokens: sum(run),
    words: run.some(({ words }) => words),
    thinks: run[0]?.thinks ?? false,
  }));
}

/** Runs between a call and its result become one with them: results may come late, and other things in between. */
function joined(runs: readonly Unit[][]): Unit[][] {
  const calledIn = new Map<string, number>();
  const reach = runs.map((_, index) => index);
  const tie = (one: number, other: number) => {
    const from = Math.min(one, other);
    reach[from] = Math.max(reach[from] ?? from, one, other);
  };
  for (const [index, run] of runs.entries()) {
    for (const { calls } of run) for (const id of calls) if (!calledIn.has(id)) calledIn.set(id, index);
  }
  for (const [index, run] of runs.entries()) {
    for (const { answers } of run) for (const id of answers) tie(calledIn.get(id) ?? index, index);
  }
  const made: Unit[][] = [];
  let through = -1;
  for (const [index, run] of runs.entries()) {
    if (index <= through) made.at(-1)?.push(...run);
    else made.push([...run]);
    through = Math.max(through, reach[index] ?? index);
  }
  return made;
}

const sum = (parts: readonly { tokens: number }[]): number =>
  parts.reduce((tokens, part) => tokens + part.tokens, 0);
