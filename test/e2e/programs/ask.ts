/** One question with the stock SDK, and what came of it. */
import { APIError, type OpenAI } from 'openai';

export type Answer =
  | { ok: true; text: string; target: string | null; model: string | null; attempts: number }
  | { ok: false; status: number | undefined; error: string };

export interface Question {
  model?: string;
  text?: string;
}

const body = ({ model = 'assistant', text = 'Hello' }: Question) => ({
  model,
  messages: [{ role: 'user' as const, content: text }],
});

export async function ask(openai: OpenAI, question: Question = {}): Promise<Answer> {
  try {
    const { data, response } = await openai.chat.completions.create(body(question)).withResponse();
    const { headers } = response;
    return {
      ok: true,
      text: data.choices[0]?.message.content ?? '',
      target: headers.get('x-outrider-target'),
      model: headers.get('x-outrider-model'),
      attempts: Number(headers.get('x-outrider-attempts')),
    };
  } catch (error) {
    return {
      ok: false,
      status: error instanceof APIError ? (error.status as number | undefined) : undefined,
      error: describe(error),
    };
  }
}

export const openStream = (openai: OpenAI, text: string) =>
  openai.chat.completions.create({ ...body({ text }), stream: true });

function describe(error: unknown): string {
  const causes: string[] = [];
  for (let cause: unknown = error; cause instanceof Error && causes.length < 4; cause = cause.cause)
    causes.push(cause.message);
  return causes.join(': ');
}
