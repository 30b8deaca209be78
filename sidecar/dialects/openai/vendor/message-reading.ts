/** The pieces of a message or delta as vendors of the OpenAI dialect write them, whole or streamed. */
import { isObject, type Json, textOf } from '../../json/parsed.ts';

/** Servers send the same thinking under two names at once: the first that is there counts. */
export function thinkingOf(message: Json): string {
  const plain =
    textOf(message['reasoning_content']) || textOf(message['reasoning']) || textOf(message['thinking']);
  if (plain) return plain;
  const { reasoning_details: details } = message;
  if (!Array.isArray(details)) return '';
  let text = '';
  for (const detail of details as unknown[]) {
    if (isObject(detail)) text += textOf(detail['text']) ?? textOf(detail['summary']) ?? '';
  }
  return text;
}

export interface ContentPiece {
  type: 'Text' | 'Thinking' | 'Refusal';
  text: string;
}

/** A string, or the parts that Mistral and some gateways send: text, refusals, and thinking in parts of its own. */
export function contentOf(content: unknown): ContentPiece[] {
  if (typeof content === 'string') return content === '' ? [] : [{ type: 'Text', text: content }];
  if (!Array.isArray(content)) return [];
  const pieces: ContentPiece[] = [];
  for (const part of content as unknown[]) {
    const piece = isObject(part) ? pieceOf(part) : { type: 'Text' as const, text: textOf(part) ?? '' };
    if (piece && piece.text !== '') pieces.push(piece);
  }
  return pieces;
}

function pieceOf(part: Json): ContentPiece | undefined {
  const { type } = part;
  if (type === 'thinking' || type === 'reasoning') {
    const { thinking } = part;
    const text = Array.isArray(thinking)
      ? contentOf(thinking)
          .map((piece) => piece.text)
          .join('')
      : (textOf(thinking) ?? textOf(part['text']) ?? '');
    return { type: 'Thinking', text };
  }
  if (type === 'refusal') return { type: 'Refusal', text: textOf(part['refusal']) ?? '' };
  return { type: 'Text', text: textOf(part['text']) ?? '' };
}

export interface CallReading {
  index: number | undefined;
  id: string | undefined;
  name: string | undefined;
  /** Undefined: none in this piece. An object stands here where the server sent one instead of text. */
  arguments: string | Json | undefined;
  custom: boolean;
  /** Gemini, in its OpenAI form. */
  signature: string | undefined;
}

export function callOf(call: unknown): CallReading | undefined {
  if (!isObject(call)) return undefined;
  const custom = isObject(call['custom']) ? call['custom'] : undefined;
  const body = custom ?? (isObject(call['function']) ? call['function'] : call);
  const text = custom ? body['input'] : body['arguments'];
  const { index } = call;
  return {
    index: typeof index === 'number' && Number.isInteger(index) && index >= 0 ? index : undefined,
    id: textOf(call['id']) || undefined,
    name: textOf(body['name']) || undefined,
    arguments: typeof text === 'string' || isObject(text) ? text : undefined,
    custom: custom !== undefined,
    signature: signatureOf(call['extra_content']),
  };
}

function signatureOf(extra: unknown): string | undefined {
  const google = isObject(extra) ? extra['google'] : undefined;
  return isObject(google) ? textOf(google['thought_signature']) : undefined;
}
