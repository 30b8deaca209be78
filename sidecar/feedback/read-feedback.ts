/** Reads the body of `POST /v1/feedback`. What is wrong is said by field, value and what would be right. */
import { OutriderError } from '../../errors/table.ts';

export interface FeedbackBody {
  readonly requestId: string;
  /** 0 to 1. */
  readonly score: number;
  /** As the app names it; undefined: the task of the rule. */
  readonly task: string | undefined;
}

const MEMBERS = ['request_id', 'score', 'thumbs', 'task', 'comment'];
const MAX_ID = 128;
const MAX_SHOWN = 60;

/** A comment is allowed for, and not kept: it may quote the prompt. Throws OutriderError. */
export function readFeedback(body: Buffer): FeedbackBody {
  const value = parse(body);
  for (const name of Object.keys(value)) {
    if (!MEMBERS.includes(name))
      throw invalid(shown(name).slice(1, -1), value[name], `one of ${MEMBERS.join(', ')}`);
  }
  const { request_id: id, task, comment } = value;
  if (id === undefined) {
    throw missing('request_id', 'it is the value of the x-outrider-request-id header of the answer');
  }
  if (typeof id !== 'string' || id === '' || id.length > MAX_ID) {
    throw invalid('request_id', id, 'the value of the x-outrider-request-id header of the answer');
  }
  if (task !== undefined && typeof task !== 'string') throw invalid('task', task, 'the name of a task');
  if (comment !== undefined && typeof comment !== 'string') throw invalid('comment', comment, 'text');
  return { requestId: id, score: scoreIn(value), task };
}

function scoreIn({ score, thumbs }: Record<string, unknown>): number {
  if (score !== undefined && thumbs !== undefined) {
    throw invalid('thumbs', thumbs, 'absent where there is a score');
  }
  if (thumbs !== undefined) {
    if (thumbs === 'up' || thumbs === 'down') return thumbs === 'up' ? 1 : 0;
    throw invalid('thumbs', thumbs, '"up" or "down"');
  }
  if (score === undefined) throw missing('score', 'a number from 0 to 1, or thumbs: "up" or "down"');
  if (typeof score === 'number' && score >= 0 && score <= 1) return score;
  throw invalid('score', score, 'a number from 0 (useless) to 1 (perfect)');
}

function parse(body: Buffer): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch (error) {
    throw new OutriderError('invalid_json', {
      reason: error instanceof Error ? error.message : String(error),
    });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw invalid('the request body', value, 'an object with request_id and score');
}

const missing = (member: string, expected: string): OutriderError =>
  new OutriderError('missing_member', { member, expected });

export const invalid = (member: string, value: unknown, expected: string): OutriderError =>
  new OutriderError('invalid_member', { member, value: shown(value), expected });

function shown(value: unknown): string {
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object';
  const text = JSON.stringify(value) ?? 'undefined';
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}
