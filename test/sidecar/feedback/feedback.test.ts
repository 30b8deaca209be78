import { describe, expect, it } from 'vitest';
import { newAttempt } from '../../../sidecar/dispatch/new-attempt.ts';
import type { Attempt, Exchange } from '../../../sidecar/exchange.ts';
import { FeedbackDesk } from '../../../sidecar/feedback/desk.ts';
import type { Feedback } from '../../../sidecar/feedback/feedback.ts';
import { RecentAnswers } from '../../../sidecar/feedback/recent-answers.ts';
import { facts, model, planned, provider, rule, target } from '../routing/support.ts';

const body = rule('code', {
  targets: [target('a'), target('b')],
  strategy: { type: 'Quality', quality: { task: 'code' } },
});
const scored = provider('a', {
  openModels: false,
  models: [model('m', { quality: [{ task: 'sql', score: 70 }] })],
});

function answered(id: string, over: Partial<Attempt> = {}): Exchange {
  const plan = planned(body, [scored, provider('b')]);
  const [candidate] = plan.candidates;
  if (!candidate) throw new Error('the plan has a candidate');
  const attempt = { ...newAttempt(candidate, 'First', 0, undefined), committedAt: 10, ...over };
  return { id, plan, facts: facts(), route: 'ns/r', attempts: [attempt] } as unknown as Exchange;
}

function desk() {
  const heard: Feedback[] = [];
  const made = new FeedbackDesk([{ scored: (feedback) => heard.push(feedback) }], () => 42);
  made.answers.completed(answered('x.1'));
  const post = (value: unknown) =>
    JSON.parse(made.take(Buffer.from(JSON.stringify(value))).toString()) as object;
  return { made, heard, post };
}

describe('feedback', () => {
  it('reaches who learns, with the rule, the target and the task of the request', () => {
    const { post, heard } = desk();
    expect(post({ request_id: 'x.1', score: 0.7, comment: 'never kept' })).toEqual({
      request_id: 'x.1',
      score: 0.7,
      task: 'code',
      status: 'recorded',
    });
    expect(heard).toHaveLength(1);
    expect(heard[0]).toMatchObject({ route: 'ns/r', task: 'code', score: 0.7, replaces: undefined, now: 42 });
    expect(heard[0]?.rule.name).toBe('code');
    expect(heard[0]?.candidate.target.name).toBe('a');
    expect(JSON.stringify(heard)).not.toContain('never kept');
  });

  it('takes thumbs, and a later word replaces an earlier one', () => {
    const { post, heard } = desk();
    expect(post({ request_id: 'x.1', thumbs: 'up' })).toMatchObject({ score: 1, status: 'recorded' });
    expect(post({ request_id: 'x.1', thumbs: 'down' })).toMatchObject({ score: 0, status: 'replaced' });
    expect(heard.map(({ score, replaces }) => [score, replaces])).toEqual([
      [1, undefined],
      [0, 1],
    ]);
  });

  it.each([
    ['default', 'default'],
    ['sql', 'sql'],
    ['code', 'code'],
  ])('may be about task %s', (task, judged) => {
    expect(desk().post({ request_id: 'x.1', score: 1, task })).toMatchObject({ task: judged });
  });

  it.each<[unknown, string]>([
    [[], 'the request body is a list; it must be an object with request_id and score'],
    [
      { score: 1 },
      'request_id is required; it is the value of the x-outrider-request-id header of the answer',
    ],
    [
      { request_id: 7, score: 1 },
      'request_id is 7; it must be the value of the x-outrider-request-id header of the answer',
    ],
    [{ request_id: 'x.1' }, 'score is required; a number from 0 to 1, or thumbs: "up" or "down"'],
    [
      { request_id: 'x.1', score: 1.01 },
      'score is 1.01; it must be a number from 0 (useless) to 1 (perfect)',
    ],
    [{ request_id: 'x.1', score: '1' }, 'score is "1"; it must be a number from 0 (useless) to 1 (perfect)'],
    [{ request_id: 'x.1', thumbs: 'sideways' }, 'thumbs is "sideways"; it must be "up" or "down"'],
    [
      { request_id: 'x.1', thumbs: 'up', score: 1 },
      'thumbs is "up"; it must be absent where there is a score',
    ],
    [
      { request_id: 'x.1', score: 1, task: 'poetry' },
      'task is "poetry"; it must be a task of the rule or the model that answered: code, default, sql',
    ],
    [{ request_id: 'x.1', score: 1, comment: 3 }, 'comment is 3; it must be text'],
    [
      { request_id: 'x.1', score: 1, rating: 5 },
      'rating is 5; it must be one of request_id, score, thumbs, task, comment',
    ],
  ])('refuses %j by field', (value, message) => {
    const { post, heard } = desk();
    expect(() => post(value)).toThrow(message);
    expect(heard).toEqual([]);
  });

  it('refuses what is no JSON, and requests it does not know', () => {
    const { made, post } = desk();
    expect(() => made.take(Buffer.from('{'))).toThrow(/^request body is not valid JSON/);
    expect(() => post({ request_id: 'x.2', score: 1 })).toThrow(
      'request x.2 is not known here: feedback is taken for the last 4096 requests that this sidecar answered',
    );
  });
});

describe('what is remembered', () => {
  it('is what was answered, by what answered it', () => {
    const answers = new RecentAnswers();
    const failed = answered('x.1', { committedAt: undefined, failure: 'ServerError' });
    const second = answered('x.1').attempts[0] as Attempt;
    answers.completed({ ...failed, id: 'x.2' });
    answers.completed({ ...failed, id: 'x.3', attempts: [...failed.attempts, second] });
    answers.completed({ ...answered('x.4'), internal: { purpose: 'intent' } } as unknown as Exchange);
    expect(answers.find('x.2')).toBeUndefined();
    expect(answers.find('x.3')?.candidate).toBe(second.candidate);
    expect(answers.find('x.4')).toBeUndefined();
  });

  it('is a bounded number of requests, the oldest forgotten first', () => {
    const answers = new RecentAnswers(3);
    for (let i = 0; i < 5; i++) answers.completed(answered(`x.${i}`));
    expect([0, 1, 2, 3, 4].map((i) => answers.find(`x.${i}`) !== undefined)).toEqual([
      false,
      false,
      true,
      true,
      true,
    ]);
    answers.score('x.2', 1);
    answers.completed(answered('x.5'));
    expect(answers.score('x.5', 0.5)).toBeUndefined();
    expect(answers.score('x.5', 0.6)).toBe(0.5);
  });
});
