/** What a rule may ask about a request, read from its headers, path and envelope. */
import { estimateInputTokens } from '../accounting/estimate.ts';
import type { Dialect, DialectName } from '../dialects/dialect.ts';
import type { Envelope } from '../dialects/envelope.ts';
import type { ParseBudget } from '../limits/parse-budget.ts';
import { asksForReasoning } from '../signals/reasoning.ts';
import { type PromptSample, sampleEnvelope } from '../signals/sample.ts';
import type { Signals } from '../signals/signals.ts';
import type { Capability } from '../snapshot/schema.ts';
import { promptPrefix } from './affinity/prompt-prefix.ts';
import { effortOf } from './observed/effort.ts';
import type { ReplayClass, RequestFacts } from './plan.ts';

export interface FactsInput {
  method: string;
  path: string;
  /** Names and values in turn, as `IncomingMessage.rawHeaders`. */
  rawHeaders: readonly string[];
  dialect: Pick<Dialect, 'name' | 'operation' | 'modelInPath'>;
  /** Parses user text where a rule asks for it; throws where large bodies have had their share. Unset: always. */
  parse?: Pick<ParseBudget, 'run'>;
  /** Undefined: the body passes through unread. */
  envelope: Envelope | undefined;
  /** Unread bodies: the model, where a query or a look into the body gave one; the path's stands over it. */
  model?: string | undefined;
  /** The request asks for another protocol, such as a WebSocket. */
  upgrade?: boolean;
}

/** Ids and the like; prompts are longer. */
const MAX_MEMBER_BYTES = 4096;

const NEEDS: Record<Dialect['operation'], Capability | undefined> = {
  chat: 'Chat',
  text_completion: 'Completions',
  embeddings: 'Embeddings',
  rerank: 'Rerank',
  count_tokens: 'Chat',
  passthrough: undefined,
};

export function buildFacts(input: FactsInput): RequestFacts {
  return new Facts(input);
}

class Facts implements RequestFacts {
  readonly dialect: DialectName;
  readonly method: string;
  readonly path: string;
  readonly askedModel: string | undefined;
  readonly needs: Capability | undefined;
  readonly inputTokens: number;
  readonly inputTokensLowerBound: number;
  readonly turns: number;
  readonly tools: boolean;
  readonly serverTools: boolean;
  readonly vision: boolean;
  readonly jsonSchema: boolean;
  readonly stream: boolean;
  readonly maxOutputTokens: number | undefined;
  readonly choices: number;
  readonly replay: ReplayClass;
  readonly pinned: boolean;
  readonly dispensable: string | undefined;
  readonly stores: boolean;
  readonly unread: boolean;
  readonly modelInPath: boolean;
  readonly #rawHeaders: readonly string[];
  readonly #envelope: Envelope | undefined;
  readonly #parse: FactsInput['parse'];
  #userText: string[] | undefined;
  answerKind: string | undefined = undefined;
  #reasoning: boolean | undefined;
  classification: string | undefined;
  signals?: Signals;

  constructor(input: FactsInput) {
    const { envelope } = input;
    this.#rawHeaders = input.rawHeaders;
    this.#envelope = envelope;
    this.#parse = input.parse;
    this.method = input.method;
    this.path = input.path;
    const { name, operation, modelInPath } = input.dialect;
    const inPath = envelope ? undefined : modelInPath?.read(input.path);
    const named = input.model;
    this.dialect = name;
    this.needs = NEEDS[operation];
    this.modelInPath = inPath !== undefined;
    this.askedModel =
      envelope?.model ?? inPath ?? (named === undefined ? named : (modelInPath?.plain(named) ?? named));
    const estimate = envelope
      ? estimateInputTokens(envelope.text, envelope.attachments, envelope.tokenIds)
      : { tokens: 0, lowerBound: 0 };
    this.inputTokens = estimate.tokens;
    this.inputTokensLowerBound = estimate.lowerBound;
    this.turns = envelope?.roles.user ?? 0;
    this.tools = envelope?.tools ?? false;
    this.serverTools = envelope?.serverTools ?? false;
    this.vision = envelope?.vision ?? false;
    this.jsonSchema = envelope?.jsonSchema ?? false;
    this.stream = envelope?.stream ?? false;
    this.maxOutputTokens = envelope?.maxOutputTokens;
    this.choices = envelope?.choices ?? 1;
    this.replay = replayClass(input);
    this.pinned = envelope?.stateful ?? true;
    this.dispensable = envelope?.dispensable;
    this.stores = envelope?.stores ?? false;
    this.unread = envelope === undefined;
  }

  /** A walk over the list costs less than a map of it: few rules ask, and most names differ in length. */
  header(name: string): string | undefined {
    let found: string | undefined;
    const raw = this.#rawHeaders;
    const wanted = name.toLowerCase();
    for (let i = 0; i < raw.length; i += 2) {
      const sent = raw[i] as string;
      if (sent.length !== wanted.length || sent.toLowerCase() !== wanted) continue;
      const value = raw[i + 1] ?? '';
      found = found === undefined ? value : `${found}, ${value}`;
    }
    return found;
  }

  #readText(): string[] {
    const envelope = this.#envelope;
    if (!envelope) return [];
    if (!this.#parse) return unescapeRanges(envelope);
    return this.#parse.run(envelope.body.length, () => unescapeRanges(envelope));
  }

  effort(): string {
    const envelope = this.#envelope;
    return envelope === undefined ? '' : effortOf(envelope);
  }

  get reasoning(): boolean {
    const envelope = this.#envelope;
    this.#reasoning ??= envelope !== undefined && asksForReasoning(envelope);
    return this.#reasoning;
  }

  sample(): PromptSample {
    return this.#envelope ? sampleEnvelope(this.#envelope) : { last: '', all: '' };
  }

  member(name: string): unknown {
    const range = this.#envelope?.members.get(name);
    if (range === undefined || range.end - range.valueStart > MAX_MEMBER_BYTES) return undefined;
    return JSON.parse(this.#envelope?.body.toString('utf8', range.valueStart, range.end) ?? 'null');
  }

  promptPrefix(): Buffer | undefined {
    return this.#envelope && promptPrefix(this.#envelope);
  }

  userText(): string[] {
    this.#userText ??= this.#readText();
    return this.#userText;
  }
}

/**
 * Free: may be sent again. Unsent: only on proof that it was not executed. Never: not even then. Reading what is stored
 * changes nothing; everything else that is passed through unread may.
 */
function replayClass({ method, envelope, upgrade }: FactsInput): ReplayClass {
  if (upgrade) return 'Never';
  if (envelope) return envelope.serverTools || envelope.stateful ? 'Unsent' : 'Free';
  return method === 'GET' || method === 'HEAD' ? 'Free' : 'Unsent';
}

const BACKSLASH = 0x5c;

/** The scanner has checked the strings, so they parse; the bytes around each range are its quotes. */
function unescapeRanges({ body, userText }: Envelope): string[] {
  return userText.map(({ start, end }) =>
    body.subarray(start, end).includes(BACKSLASH)
      ? (JSON.parse(body.toString('utf8', start - 1, end + 1)) as string)
      : body.toString('utf8', start, end),
  );
}
