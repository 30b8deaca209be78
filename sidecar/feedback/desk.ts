/** Takes feedback: finds the request, judges the task, and tells whoever learns from it. */
import { OutriderError } from '../../errors/table.ts';
import { taskOf } from '../routing/measures.ts';
import type { FeedbackListener } from './feedback.ts';
import { invalid, readFeedback } from './read-feedback.ts';
import { REMEMBERED, type RecentAnswer, RecentAnswers } from './recent-answers.ts';

/** Largest body of feedback, in bytes. */
export const FEEDBACK_BYTES = 16_384;
const MAX_LISTED = 10;

export class FeedbackDesk {
  /** Hears of every exchange. */
  readonly answers = new RecentAnswers();
  readonly #listeners: readonly FeedbackListener[];
  readonly #now: () => number;

  /** `now`: monotonic milliseconds. */
  constructor(listeners: readonly FeedbackListener[], now: () => number) {
    this.#listeners = listeners;
    this.#now = now;
  }

  /** The answer to the app, as JSON. Throws OutriderError. */
  take(body: Buffer): Buffer {
    const { requestId, score, task } = readFeedback(body);
    const answer = this.answers.find(requestId);
    if (!answer) throw new OutriderError('feedback_unknown_request', { id: requestId, count: REMEMBERED });
    const judged = knownTask(task, answer);
    const replaces = this.answers.score(requestId, score);
    for (const listener of this.#listeners) {
      listener.scored({ ...answer, task: judged, score, replaces, now: this.#now() });
    }
    const status = replaces === undefined ? 'recorded' : 'replaced';
    return Buffer.from(JSON.stringify({ request_id: requestId, score, task: judged, status }));
  }
}

/** Tasks are those that somebody named in a rule or a provider: an app cannot make up more of them. */
function knownTask(task: string | undefined, { rule, candidate }: RecentAnswer): string {
  const own = taskOf(rule);
  if (task === undefined) return own;
  const known = new Set([own, 'default', ...(candidate.model?.quality ?? []).map((one) => one.task)]);
  if (known.has(task)) return task;
  const listed = [...known].slice(0, MAX_LISTED).join(', ');
  throw invalid('task', task, `a task of the rule or the model that answered: ${listed}`);
}
