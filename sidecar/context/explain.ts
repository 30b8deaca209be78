/** What would be sent of a request, and how much might come back: by the functions that requests go through, without asking anybody. */
import type { Dialect } from '../dialects/dialect.ts';
import type { Envelope } from '../dialects/envelope.ts';
import type { RequestFacts, Step } from '../routing/plan.ts';
import type { TableRoute, TableRule } from '../routing/table.ts';
import { capFacts } from './cap-output.ts';
import { mayShorten } from './may-shorten.ts';
import type { Shaper, ShownContext } from './shaper.ts';

export interface ExplainedRequest {
  method: string;
  path: string;
  rawHeaders: readonly string[];
  dialect: Dialect;
  envelope: Envelope;
}

/** For `explain`: the request as it is after the rule has been found. */
export function shownContext(
  shaper: Pick<Shaper, 'show'>,
  request: ExplainedRequest,
): (route: TableRoute, rule: TableRule, facts: RequestFacts) => ShownContext {
  return (route, rule, facts) => {
    const { context, maxOutputTokens } = rule.body;
    const steps: Step[] = [];
    const note = { steps, warnings: [] };
    let shown: ShownContext = { facts, body: request.envelope.body, steps };
    if (maxOutputTokens !== undefined) {
      shown = { ...shown, facts: capFacts(request, facts, maxOutputTokens, note) ?? facts };
    }
    if (!context || !mayShorten(facts, context)) return shown;
    const made = shaper.show({ route, rule, facts: shown.facts }, context, request.envelope, request);
    return made ? { ...made, steps: [...steps, ...made.steps] } : shown;
  };
}
