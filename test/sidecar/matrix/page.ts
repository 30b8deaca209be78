/** The page that shows what the matrix has proven. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const FILE = path.join(import.meta.dirname, '../../../docs/reference/dialects.md');
/** `UPDATE_GOLDEN=1` writes the page anew. */
const UPDATE = process.env.UPDATE_GOLDEN === '1';

export class Outcomes {
  /** Whether it held in every form. */
  readonly #held = new Map<string, boolean>();
  readonly #callers: readonly string[];
  readonly #vendors: readonly string[];
  readonly #scenarios = new Set<string>();

  constructor(callers: readonly string[], vendors: readonly string[]) {
    this.#callers = callers;
    this.#vendors = vendors;
  }

  note(caller: string, vendor: string, scenario: string, holds: boolean): void {
    this.#scenarios.add(scenario);
    const key = `${caller} ${vendor} ${scenario}`;
    this.#held.set(key, holds && this.#held.get(key) !== false);
  }

  tables(): string[] {
    return this.#callers.map((caller) =>
      [
        `## Apps that speak ${caller}`,
        '',
        `| | ${this.#vendors.join(' | ')} |`,
        `|---|${this.#vendors.map(() => '---|').join('')}`,
        ...[...this.#scenarios].map((scenario) => {
          const signs = this.#vendors.map((vendor) =>
            sign(this.#held.get(`${caller} ${vendor} ${scenario}`)),
          );
          return `| ${scenario} | ${signs.join(' | ')} |`;
        }),
      ].join('\n'),
    );
  }
}

/** The page as it should be, and as it is. */
export function pages(chat: Outcomes, embeddings: Outcomes): { due: string; found: string } {
  const due = `${[INTRODUCTION, ...chat.tables(), ...embeddings.tables(), OF_EMBEDDINGS].join('\n\n')}\n`;
  if (UPDATE) writeFileSync(FILE, due);
  return { due, found: readFileSync(FILE, 'utf8') };
}

const sign = (held: boolean | undefined): string => (held === undefined ? '–' : held ? '✓' : '✗');

const INTRODUCTION = `# Dialects

An app writes against one SDK and is served by any vendor. Where the vendor speaks the app's dialect, bytes pass as they are;
elsewhere requests and answers are translated through one canonical conversation, and what cannot be kept is named in
\`x-outrider-warnings\` (or refused: \`unsupportedParameters\` of a route).

Written by the test run (\`test/sidecar/matrix\`), which sends each scenario over HTTP, whole and streamed, to a scripted vendor
that refuses what the real one refuses, and reads each stream by the strictest rules of the app's dialect. ✓: proven in both
forms. –: the vendor has no such thing.

Models may think for minutes without a word, and much of what is between closes connections that idle. Where a stream that has begun brings its app
nothing for 15 to 20 seconds, Outrider sends an SSE comment, which clients leave aside, or \`ping\` in translated streams for apps that speak
anthropic-messages. It goes between whole events, never before an answer is committed, not on paths that pass through unread, and no timeout takes it
for a sign of the provider. All else of a stream that is not translated stays byte for byte.`;

const OF_EMBEDDINGS = `Vendors that are no OpenAI embed texts only: a target is passed over for token ids, and for more texts than the vendor takes at a time, with that reason
(\`outrider explain\` tells): Cohere takes 96, Vertex AI 250, its Gemini models and Amazon's Titan one. One request is one request: several would be half paid for
where the second half fails. Vectors come as bytes in base64 where that was asked for, as OpenAI's clients do, whatever the vendor writes.
\`input_type\` (\`search_query\`, \`search_document\`, \`classification\`, \`clustering\`) says what they are for, where the vendor can be told. Vertex AI would cut texts that are too long
without a word: here they are an error unless \`truncate\` allows it. The Gemini API takes requests in OpenAI's own form, byte for byte.`;
