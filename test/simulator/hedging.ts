/** Hedges and learned limits in simulations: the decisions are those of `sidecar/dispatch`, the race is the simulator's. */
import { Deadlines } from '../../sidecar/dispatch/deadlines.ts';
import { Hedging } from '../../sidecar/dispatch/hedging/hedging.ts';
import type { Listening } from '../../sidecar/dispatch/pace/hush.ts';
import { attemptLimits, isSilent, OUTRUN } from '../../sidecar/dispatch/pace/limits.ts';
import { PaceBook } from '../../sidecar/dispatch/pace/pace-book.ts';
import { mayServe } from '../../sidecar/dispatch/selection.ts';
import type { SimulatedCall } from './call.ts';
import { EventClock } from './event-clock.ts';
import type { SimulatedRun } from './run.ts';
import type { Plugin, Simulator } from './simulator.ts';

const GO = { kind: 'Go' } as const;

export function hedging(): Plugin {
  const pace = new PaceBook();
  const decisions = new Hedging({ deadlines: new Deadlines(new EventClock()), pace, gate: undefined });
  let simulator: Simulator | undefined;
  /** Of the attempt that is about to begin. */
  let listening: Listening | undefined;
  return {
    observer: {
      committed: (attempt, exchange) => pace.committed(attempt, exchange),
      ended(attempt, exchange) {
        const { candidate, startedAt, cancelled, endedAt = 0 } = attempt;
        const lost = cancelled && exchange.attempts.length > 1;
        if (lost && isSilent(attempt, pace, exchange.facts?.stream ?? false, endedAt)) {
          const evidence = { candidate, caller: undefined, secret: undefined, admission: GO, startedAt };
          simulator?.breakers.failure({ ...evidence, answered: false }, OUTRUN, undefined, endedAt);
        }
        pace.ended(attempt, exchange);
      },
    },
    exchangeObserver: decisions,
    begin: (begun) => void (simulator = begun),
    timeFor(run, candidate, shareMs, last) {
      const now = run.now();
      const limits = attemptLimits(run.plan.rule, pace, candidate, {
        stream: run.stream,
        now,
        shareMs,
        last,
        mayLeave: () => run.couldLeave(candidate),
        silent: (why, at) => simulator?.breakers.trip(candidate, why, at),
      });
      listening = limits.listening;
      return limits.commitBy - now;
    },
    started(run, call) {
      const { candidate } = call.attempt;
      if (listening) listen(run, call, listening);
      listening = undefined;
      const used = run.exchange.hedgeRefused ?? run.exchange.attempts.some(({ kind }) => kind === 'Hedge');
      if (used !== false || run.calls.size > 1) return;
      const afterMs = decisions.afterMs(run.plan.rule, candidate, run.stream, run.now());
      if (afterMs === undefined) return;
      run.clock.after(afterMs, () => {
        if (run.over || call.done || call.attempt.committedAt !== undefined) return;
        const now = run.now();
        const rival = decisions.choose(run.exchange, candidate, {
          candidates: run.plan.candidates,
          now,
          mayServe: (c) => mayServe(c, run) && simulator?.breakers.ejection(c, now, false) === undefined,
        });
        if (rival) run.launch(rival).attempt.kind = 'Hedge';
      });
    },
  };
}

/** Deadlines are looked at every so many milliseconds. */
const TICK_MS = 50;

function listen(run: SimulatedRun, call: SimulatedCall, listening: Listening): void {
  run.clock.at(Math.max(listening.nextAt, run.now() + TICK_MS), () => {
    if (run.over || call.done || call.attempt.committedAt !== undefined) return;
    if (listening.look(run.now())) call.timeOut('silence');
    else listen(run, call, listening);
  });
}
