/**
 * A cap on what a model may write, in the words of a dialect: for bodies as they are about to be sent, with whatever a target
 * sets in them. It lowers what is there and is put in where nothing is; it never raises anything.
 */
import type { DialectName } from './dialect.ts';

export interface OutputCap {
  readonly most: number;
  readonly dialect: DialectName;
  /** OpenAI Chat: the member for bodies that have none. */
  readonly chatMember?: 'max_tokens' | 'max_completion_tokens' | undefined;
}

/** Of depth 1, or a member of one. The first is put in where there is none. */
type Place = readonly [member: string, inner?: string];

const CHAT: readonly Place[] = [['max_completion_tokens'], ['max_tokens']];
const PLACES: Readonly<Partial<Record<DialectName, readonly Place[]>>> = {
  'openai-completions': [['max_tokens']],
  'openai-responses': [['max_output_tokens']],
  'anthropic-messages': [['max_tokens']],
  'cohere-chat': [['max_tokens']],
  gemini: [['generationConfig', 'maxOutputTokens']],
  'bedrock-converse': [['inferenceConfig', 'maxTokens']],
};

/** Least that a budget of thinking may be. */
const LEAST_BUDGET = 1024;

export interface CapChange {
  readonly member: string;
  /** JSON. */
  readonly json: string;
  /** More than the length of the answer is changed by it. */
  readonly lossy: boolean;
}

/** `read`: the JSON of a depth-1 member as it would be sent; undefined: there is none. */
export function capChanges(
  { most, dialect, chatMember }: OutputCap,
  read: (member: string) => string | undefined,
): CapChange[] {
  const places = dialect === 'openai-chat' ? chatPlaces(chatMember) : PLACES[dialect];
  if (!places) return [];
  const changes: CapChange[] = [];
  let capped: number | undefined;
  for (const [member, inner] of places) {
    const holder = parsed(read(member));
    const value = inner === undefined ? holder : membersOf(holder)?.[inner];
    if (typeof value !== 'number') continue;
    // Some servers take -1 for no cap.
    capped = value >= 0 && value <= most ? value : most;
    if (capped !== value) changes.push(change(member, inner, holder, most));
  }
  const [first] = places;
  if (capped === undefined && first) {
    changes.push(change(first[0], first[1], parsed(read(first[0])), most));
  }
  const thinking = dialect === 'anthropic-messages' && capThinking(parsed(read('thinking')), capped ?? most);
  return thinking ? [...changes, thinking] : changes;
}

const chatPlaces = (preferred: OutputCap['chatMember']): readonly Place[] =>
  preferred === 'max_tokens' ? CHAT.toReversed() : CHAT;

function change(member: string, inner: string | undefined, holder: unknown, most: number): CapChange {
  const value = inner === undefined ? most : { ...membersOf(holder), [inner]: most };
  return { member, json: JSON.stringify(value), lossy: false };
}

/** What a model may think must be less than what it may write. */
function capThinking(thinking: unknown, cap: number): CapChange | undefined {
  const said = membersOf(thinking);
  const budget = said?.['budget_tokens'];
  if (typeof budget !== 'number' || budget < cap) return undefined;
  const json =
    cap > LEAST_BUDGET
      ? JSON.stringify({ ...said, budget_tokens: Math.max(LEAST_BUDGET, Math.floor(cap / 2)) })
      : '{"type":"disabled"}';
  return { member: 'thinking', json, lossy: true };
}

const membersOf = (value: unknown): Record<string, unknown> | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;

const parsed = (json: string | undefined): unknown =>
  json === undefined ? undefined : (JSON.parse(json) as unknown);
