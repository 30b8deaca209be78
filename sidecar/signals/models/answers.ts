/** What models answered, read strictly: anything unexpected is no answer. */

/** Vectors of an embeddings answer in the order of the inputs; undefined where one is missing or no list of finite numbers. */
export function readVectors(answer: unknown, count: number): number[][] | undefined {
  const data = member(answer, 'data');
  if (!Array.isArray(data) || data.length !== count) return undefined;
  const vectors: number[][] = [];
  for (const [position, entry] of data.entries()) {
    const vector = member(entry, 'embedding');
    const index = member(entry, 'index') ?? position;
    if (!Array.isArray(vector) || vector.length === 0 || !vector.every(isFinite)) return undefined;
    if (typeof index !== 'number' || index < 0 || index >= count || vectors[index]) return undefined;
    vectors[index] = vector as number[];
  }
  return vectors;
}

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

const isFinite = (value: unknown): boolean => typeof value === 'number' && Number.isFinite(value);

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
