/** An explanation as a person reads it. */
import type { Explanation } from '../../sidecar/routing/explain.ts';

const REPLAY = {
  Free: 'may be sent again freely',
  Unsent: 'is sent again only on proof that it was not executed',
  Never: 'is never sent again',
};

export function explanationText(explanation: Explanation, notes: readonly string[]): string {
  const sections = [
    requestLines(explanation),
    matchLines(explanation),
    targetLines(explanation),
    orderLines(explanation),
    translationLines(explanation),
    explanation.refusal ? [refusalText(explanation.refusal).trimEnd()] : [],
    notes.map((note) => `note: ${note}`),
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function requestLines({ request }: Explanation): string[] {
  const asked = request.model === undefined ? 'no model' : `model "${request.model}"`;
  const parts = request.unread ? ['passed through unread'] : bodyParts(request);
  if (request.pinned) parts.push('pinned to the stateful target');
  parts.push(REPLAY[request.replay]);
  const lines = [`${request.method} ${request.path}  ${asked}`, `  ${parts.join('; ')}`];
  return request.signals.length === 0 ? lines : [...lines, `  ${request.signals.join('; ')}`];
}

function bodyParts(request: Explanation['request']): string[] {
  const cap = request.maxOutputTokens;
  return [
    `about ${count(request.estimatedInputTokens, 'input token')} (at least ${request.leastInputTokens})`,
    count(request.turns, 'user message'),
    ...(cap === undefined ? [] : [`at most ${count(cap, 'output token')}`]),
    ...(request.choices > 1 ? [`${request.choices} answers`] : []),
    ...(request.features.length > 0 ? [`uses ${request.features.join(', ')}`] : []),
  ];
}

function matchLines({ route, rule, steps }: Explanation): string[] {
  if (route === undefined) return [];
  const rows = steps.map((step) => {
    // Clauses that failed are crosses; what was decided is not.
    const good = step.stage !== 'match' || (rule !== undefined && step.what === `rule ${rule}`);
    return [good ? '  ✓' : '  ✗', step.what, step.detail];
  });
  return ['route and rule', ...table(rows)];
}

function targetLines({ targets }: Explanation): string[] {
  if (targets.length === 0) return [];
  const rows = targets.map(({ target, provider, model, kept, reason, detail }) => [
    kept ? '  ✓' : '  ✗',
    target,
    provider.slice(provider.indexOf('/') + 1),
    model || '(as in the body)',
    reason,
    detail,
  ]);
  return ['targets', ...table(rows)];
}

/** How targets of one priority came into their order. */
const SHARED_BY: Readonly<Record<string, string>> = {
  Weighted: '; one draw by weight',
  RoundRobin: '; targets take turns',
  Adaptive: '; one draw by what was learned',
};

function orderLines({ request, order, strategy, maxAttempts, targets }: Explanation): string[] {
  if (order.length === 0) return [];
  const rows = order.map(({ target, provider, model, credential, cost }, i) => [
    `  ${i + 1}.`,
    target,
    provider,
    model || '(as in the body)',
    credential === undefined ? 'no key' : `key ${credential}`,
    request.unread ? 'cost unknown: the body is not read' : costText(cost),
  ]);
  const shared = targets.filter(({ reason }) => reason === 'Selected' || reason === 'Alternate').length > 1;
  const how = shared ? (SHARED_BY[strategy ?? ''] ?? `; by ${strategy}`) : '';
  return [`order (${count(maxAttempts ?? 0, 'attempt')} at most${how})`, ...table(rows)];
}

function translationLines({ order }: Explanation): string[] {
  const rows = order.flatMap(({ target, translation }) => {
    if (!translation) return [];
    const { to, lost, obstacle } = translation;
    if (obstacle !== undefined) return [['  ✗', target, to, `passed over: ${obstacle}`]];
    if (lost.length === 0) return [['  ✓', target, to, 'nothing is lost']];
    return lost.map((what) => ['  !', target, to, what]);
  });
  return rows.length === 0 ? [] : ['translation', ...table(rows)];
}

function costText(cost: Explanation['order'][number]['cost']): string {
  if (!cost) return 'price unknown';
  return `about $${cost.input} for input${cost.most === undefined ? '' : `, at most $${cost.most} in all`}`;
}

export function refusalText({ status, code, message }: NonNullable<Explanation['refusal']>): string {
  return `refused: ${status} ${code}\n  ${message}\n`;
}

const count = (n: number, thing: string): string => `${n} ${thing}${n === 1 ? '' : 's'}`;

/** Columns as wide as their widest cell; the last one free. */
function table(rows: readonly string[][]): string[] {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, cell.length)));
  return rows.map((row) =>
    row
      .map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}
