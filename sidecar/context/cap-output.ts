/** The rule's cap on what a model may write: known to all that comes after, and put into what is sent by dispatch. */
import type { Exchange } from '../exchange.ts';
import type { RequestFacts } from '../routing/plan.ts';
import type { HttpExchange } from '../server/http-exchange.ts';
import { factsAgain, type Sent } from './facts-again.ts';
import { noteContext } from './notes.ts';

export function capOutput(exchange: HttpExchange, cap: number): void {
  const { envelope, facts, dialect, method, path, req } = exchange;
  if (!envelope || !facts) return;
  const sent = { method, path, rawHeaders: req.rawHeaders, dialect, envelope };
  exchange.facts = capFacts(sent, facts, cap, exchange) ?? facts;
}

/** Undefined: the caller asks for no more. Less stays less, and what writes nothing is left as it is. */
export function capFacts(
  sent: Sent,
  facts: RequestFacts,
  cap: number,
  notes: Pick<Exchange, 'steps' | 'warnings'>,
): RequestFacts | undefined {
  const { dialect, envelope } = sent;
  if (dialect.operation !== 'chat' && dialect.operation !== 'text_completion') return undefined;
  const asked = envelope.maxOutputTokens;
  if (asked !== undefined && asked <= cap) return undefined;
  envelope.maxOutputTokens = cap;
  const said = asked === undefined ? 'sets no limit' : `allows ${asked}`;
  noteContext(notes, 'OutputCapped', `at most ${cap} output tokens; the caller ${said}`, asked !== undefined);
  return factsAgain(facts, sent);
}
