/** A `GenerateContentResponse`, whole or one of a stream, as far as we read it. */

import { isObject, type Json, wordsOf } from '../json/parsed.ts';
import { readJson } from '../json/tape.ts';
import type { JsonText } from '../json/write.ts';

export interface Answer {
  candidates: Candidate[];
  /** The prompt was refused, so there are no candidates. */
  blocked: string | undefined;
  usage: unknown;
  model: string | undefined;
  responseId: string | undefined;
}

export interface Candidate {
  index: number;
  parts: Part[];
  finishReason: string | undefined;
  /** As written; each says something of the text before it. */
  citations: JsonText[];
  logprobs: unknown;
}

export type Part =
  | { type: 'Text' | 'Thought'; text: string; signature: string | undefined }
  | { type: 'Call'; id: string | undefined; name: string; args: JsonText; signature: string | undefined }
  /** Anything else: code that ran, images, whatever comes yet. As written. */
  | { type: 'Other'; json: JsonText };

const MAX_CANDIDATES = 128;

/** `value` is `data`, parsed. Undefined: no such response. */
export function answerOf(value: unknown, data: Buffer): Answer | undefined {
  if (!isObject(value)) return undefined;
  const feedback = value.promptFeedback;
  const list = Array.isArray(value.candidates) ? (value.candidates as unknown[]) : [];
  const blocked = isObject(feedback) ? wordsOf(feedback.blockReason) : undefined;
  if (!Array.isArray(value.candidates) && blocked === undefined && !isObject(value.usageMetadata))
    return undefined;
  const needsText = list.some(beyondText);
  const written = needsText ? writtenCandidates(data) : undefined;
  return {
    candidates: list
      .slice(0, MAX_CANDIDATES)
      .map((one, at) => candidate(isObject(one) ? one : {}, at, written?.[at])),
    blocked: list.length === 0 ? blocked : undefined,
    usage: isObject(value.usageMetadata) ? value.usageMetadata : undefined,
    model: wordsOf(value.modelVersion),
    responseId: wordsOf(value.responseId),
  };
}

function candidate(value: Json, at: number, written: Written | undefined): Candidate {
  const { index, finishReason } = value;
  return {
    index:
      typeof index === 'number' && Number.isInteger(index) && index >= 0 && index < MAX_CANDIDATES
        ? index
        : at,
    parts: partsOf(value).map((part, i) => partOf(part, written?.parts[i])),
    finishReason: wordsOf(finishReason) === 'FINISH_REASON_UNSPECIFIED' ? undefined : wordsOf(finishReason),
    citations: written?.citations ?? [],
    logprobs: value.logprobsResult,
  };
}

function partOf(part: unknown, written: WrittenPart | undefined): Part {
  if (!isObject(part)) return { type: 'Text', text: '', signature: undefined };
  const signature = wordsOf(part.thoughtSignature);
  if (isObject(part.functionCall)) {
    const { id, name } = part.functionCall;
    return {
      type: 'Call',
      id: wordsOf(id),
      name: wordsOf(name) ?? '',
      args: written?.args ?? '{}',
      signature,
    };
  }
  if (typeof part.text === 'string') {
    return { type: part.thought === true ? 'Thought' : 'Text', text: part.text, signature };
  }
  // A signature may come on a part with nothing in it.
  if (
    signature !== undefined &&
    Object.keys(part).every((name) => name === 'thoughtSignature' || name === 'thought')
  ) {
    return { type: 'Text', text: '', signature };
  }
  return { type: 'Other', json: written?.json ?? JSON.stringify(part) };
}

/** Whether the candidate has something that must come out as it was written. */
function beyondText(value: unknown): boolean {
  if (!isObject(value)) return false;
  return (
    value.citationMetadata !== undefined ||
    value.groundingMetadata !== undefined ||
    partsOf(value).some((part) => isObject(part) && typeof part.text !== 'string')
  );
}

function partsOf(value: Json): unknown[] {
  const { content } = value;
  return isObject(content) && Array.isArray(content.parts) ? (content.parts as unknown[]) : [];
}

interface Written {
  parts: WrittenPart[];
  citations: JsonText[];
}

interface WrittenPart {
  json: JsonText;
  args: JsonText | undefined;
}

function writtenCandidates(data: Buffer): Written[] {
  const candidates = readJson(data).at('candidates');
  return [...(candidates?.elements() ?? [])].map((candidate) => {
    const citation = candidate.at('citationMetadata');
    const sources = citation?.at('citationSources') ?? citation?.at('citations');
    const grounding = candidate.at('groundingMetadata');
    return {
      parts: [...(candidate.at('content')?.at('parts')?.elements() ?? [])].map((part) => ({
        json: part.raw,
        args: part.at('functionCall')?.at('args')?.raw,
      })),
      citations: [...(sources?.elements() ?? [])]
        .map((one) => one.raw)
        .concat(grounding ? [grounding.raw] : []),
    };
  });
}
