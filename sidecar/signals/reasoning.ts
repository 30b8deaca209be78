/** Whether a caller asks the model to reason, in any dialect: by effort, or by thinking that is turned on. */
import { OutriderError } from '../../errors/table.ts';
import type { Envelope } from '../dialects/envelope.ts';

/** Depth-1 members by which callers ask: OpenAI Chat, Responses, Anthropic (two), and what compatible servers take. */
const MEMBERS = ['reasoning_effort', 'reasoning', 'thinking', 'output_config'] as const;
/** Longest member that is read; longer ones ask for something else besides. */
const MOST_BYTES = 64 * 1024;
/** Efforts that ask for as little as there is. */
const LEAST = new Set(['none', 'minimal']);

/** Throws `duplicate_member` where a member that is read occurs twice. */
export function asksForReasoning(envelope: Pick<Envelope, 'body' | 'members' | 'duplicates'>): boolean {
  return MEMBERS.some((name) => {
    const member = envelope.members.get(name);
    if (!member || member.end - member.valueStart > MOST_BYTES) return false;
    if (envelope.duplicates.some((other) => other.name === name)) {
      throw new OutriderError('duplicate_member', { member: name });
    }
    const value: unknown = JSON.parse(envelope.body.toString('utf8', member.valueStart, member.end));
    return name === 'reasoning_effort' ? isEffort(value) : asks(value);
  });
}

const isEffort = (value: unknown): boolean => typeof value === 'string' && !LEAST.has(value);

/** `{ effort }`, `{ type: enabled | adaptive }`, `{ enabled: true }` or a budget of tokens. */
function asks(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { effort, type, enabled, budget_tokens, max_tokens } = value as Record<string, unknown>;
  if (type === 'disabled' || enabled === false) return false;
  return (
    isEffort(effort) ||
    type === 'enabled' ||
    type === 'adaptive' ||
    enabled === true ||
    isPositive(budget_tokens) ||
    isPositive(max_tokens)
  );
}

const isPositive = (value: unknown): boolean => typeof value === 'number' && value > 0;
