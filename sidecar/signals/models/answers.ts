/** What models answered, read strictly: anything unexpected is no answer. */
import { member } from '../../snapshot/embeddings-answer.ts';

/** Text of a chat answer's first choice; undefined where there is none, or it was cut off. */
export function readText(answer: unknown): string | undefined {
  const choices = member(answer, 'choices');
  const choice: unknown = Array.isArray(choices) ? choices[0] : undefined;
  if (member(choice, 'finish_reason') === 'length') return undefined;
  const text = member(member(choice, 'message'), 'content');
  return typeof text === 'string' ? text : undefined;
}

/** The label that the text names: `{"label": "..."}` or the bare word, and nothing besides. */
export function readLabel(text: string, labels: readonly string[]): string | undefined {
  const trimmed = text.trim();
  const said = trimmed.startsWith('{') ? labelMember(trimmed) : trimmed.replace(/^"(.*)"$/, '$1');
  return said === undefined
    ? undefined
    : labels.find((label) => label.toLowerCase() === said.trim().toLowerCase());
}

function labelMember(text: string): string | undefined {
  try {
    const label = member(JSON.parse(text), 'label');
    return typeof label === 'string' ? label : undefined;
  } catch {
    return undefined;
  }
}
