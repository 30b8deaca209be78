/** Citations of any vendor as OpenAI's annotations, where OpenAI has a form for them. */

import { isObject, type Json, textOf } from '../../json/parsed.ts';
import { type JsonText, json, object } from '../../json/write.ts';

/**
 * Chat: `{type: "url_citation", url_citation: {...}}`. Responses: the same members side by side. `start` and `end`: the cited
 * piece of the text, in characters, where the citation does not say. Undefined: OpenAI has no such form.
 */
export function annotation(
  citation: JsonText,
  start: number,
  end: number,
  form: 'Chat' | 'Responses',
): JsonText | undefined {
  const value = parsed(citation);
  if (value === undefined) return undefined;
  const body = isObject(value['url_citation']) ? value['url_citation'] : value;
  const web = isObject(value['web']) ? value['web'] : body;
  const url = textOf(web['url']) ?? textOf(web['uri']);
  if (url === undefined) return form === 'Responses' && isOpenAI(value) ? citation : undefined;
  const members = {
    start_index: json(count(body['start_index']) ?? start),
    end_index: json(count(body['end_index']) ?? end),
    title: json(textOf(web['title']) ?? ''),
    url: json(url),
  };
  return form === 'Chat'
    ? object({ type: json('url_citation'), url_citation: object(members) })
    : object({ type: json('url_citation'), ...members });
}

/** Whether nothing of the citation is lost in that form. */
export function isOpenAICitation(citation: JsonText): boolean {
  const value = parsed(citation);
  return value !== undefined && isOpenAI(value);
}

const OPENAI_TYPES = new Set(['url_citation', 'file_citation', 'container_file_citation', 'file_path']);

const isOpenAI = (value: Json): boolean => OPENAI_TYPES.has(String(value['type']));

function parsed(citation: JsonText): Json | undefined {
  try {
    const value: unknown = JSON.parse(citation);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

const count = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 ? value : undefined;
