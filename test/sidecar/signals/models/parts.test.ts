/** What asking models is made of, without any network: packing, nearness, cutting, reading answers, and leaving a model alone. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Ask, Question } from '../../../../sidecar/internal/asker.ts';
import { strictest } from '../../../../sidecar/internal/demands.ts';
import type { TableRoute } from '../../../../sidecar/routing/table.ts';
import { readLabel, readText } from '../../../../sidecar/signals/models/answers.ts';
import { classifierQuestion } from '../../../../sidecar/signals/models/classifier-question.ts';
import { cutText } from '../../../../sidecar/signals/models/cut-text.ts';
import { ExampleSets } from '../../../../sidecar/signals/models/examples.ts';
import { nearestIntent } from '../../../../sidecar/signals/models/nearest.ts';
import { Pause } from '../../../../sidecar/signals/models/pause.ts';
import { TimedCache } from '../../../../sidecar/signals/models/timed-cache.ts';
import { readVectors } from '../../../../sidecar/snapshot/embeddings-answer.ts';
import type {
  EmbeddingsBody,
  IntentsBody,
  VectorsBody,
} from '../../../../sidecar/snapshot/shapes/signals.ts';
import {
  packVectors,
  unpackVectors,
  type Vectors,
  vectorsBody,
} from '../../../../sidecar/snapshot/vectors.ts';
import { readVectorsMember } from '../../../../sidecar/snapshot/vectors-member.ts';
import { VirtualClock } from '../../dispatch/virtual-clock.ts';
import { target } from '../../support/configuration.ts';

const packed = (list: number[][]): Vectors => {
  const vectors = packVectors(list);
  if (!vectors) throw new Error('they could not be packed');
  return vectors;
};
const LIST: IntentsBody['list'] = [
  { name: 'a', examples: ['a1', 'a2'] },
  { name: 'b', examples: ['b1'] },
];
const EXAMPLES = [
  [1, 0, 0],
  [0.8, 0.6, 0],
  [0, 0, 1],
];

describe('vectors', () => {
  it('keep their directions in one byte for each dimension, there and back', () => {
    const vector = fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 32, maxLength: 32 });
    fc.assert(
      fc.property(
        vector.filter((v) => Math.hypot(...v) > 0.1),
        (list) => {
          const back = unpackVectors(vectorsBody(packed([list])), 1);
          if (!back) throw new Error('it came back as nothing');
          const dot = list.reduce((sum, value, i) => sum + value * (back.components[i] ?? 0), 0);
          const cosine = dot / (Math.hypot(...list) * (back.norms[0] ?? 0));
          expect(cosine).toBeGreaterThan(0.999);
        },
      ),
    );
  });

  it('are nothing where they differ in length, are too many, or are not whole', () => {
    expect(packVectors([[1, 2], [1]])).toBeUndefined();
    expect(packVectors([])).toBeUndefined();
    expect(packVectors([Array.from({ length: 4 * 1024 * 1024 + 1 }, () => 1)])).toBeUndefined();
    const body = vectorsBody(packed([[1, 2]]));
    expect(unpackVectors(body, 2)).toBeUndefined();
    expect(unpackVectors({ ...body, dimensions: 0 }, 1)).toBeUndefined();
  });

  it('beside a snapshot are left aside where they are not of the agreed form', () => {
    const good = { dimensions: 2, data: 'AQI=' };
    const bad = [
      null,
      {},
      { dimensions: 'x', data: 'AQI=' },
      { dimensions: 2, data: 'not base64!' },
      { dimensions: 2 },
    ];
    expect(
      readVectorsMember(Object.fromEntries([['good', good], ...bad.map((one, i) => [`bad${i}`, one])])),
    ).toEqual({ good });
    for (const one of [undefined, null, 'x', {}, { a: 1 }]) expect(readVectorsMember(one)).toBeUndefined();
  });
});

describe('the nearest intent', () => {
  const limits = { list: LIST, minScorePercent: 40, marginPercent: 5 };
  it.each([
    ['is that of its nearest example', [0.7, 0.7, 0], 'a'],
    ['is none below the least score', [0, 0.3, -1], 'none'],
    ['is none without a margin', [1, 0, 1], 'none'],
    ['is none for a text without direction', [0, 0, 0], 'none'],
  ])('%s', (_, query, name) => {
    expect(nearestIntent(query, packed(EXAMPLES), limits)).toMatchObject({ known: true, value: name });
  });

  it('is unknown for a vector of another length', () => {
    expect(nearestIntent([1, 0], packed(EXAMPLES), limits)).toMatchObject({ known: false });
  });
});

describe('a text that is too long', () => {
  it('keeps head and tail within the bound, and no half of a character', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 400 }),
        fc.integer({ min: 16, max: 60 }),
        (text, most) => {
          const whole = text.isWellFormed() ? text : text.toWellFormed();
          const cut = cutText(whole, most);
          expect(cut.isWellFormed()).toBe(true);
          if (cut === whole) return;
          const [head = '', tail = ''] = cut.split('\n[...]\n');
          expect(whole.startsWith(head)).toBe(true);
          expect(whole.endsWith(tail)).toBe(true);
          const bytes = Buffer.byteLength(head) + Buffer.byteLength(tail);
          expect(bytes * 0.175).toBeLessThanOrEqual(most + 2);
        },
      ),
    );
  });

  it('stays whole where it fits', () => {
    expect(cutText('short', 16)).toBe('short');
  });
});

describe('an answer', () => {
  it.each([
    ['{"label":"hard"}', 'hard'],
    [' {"label": "HARD", "why": "x"} ', 'hard'],
    ['hard', 'hard'],
    ['"none"', 'none'],
    ['hard.', undefined],
    ['The label is hard', undefined],
    ['{"label":"medium"}', undefined],
    ['{"label":["hard"]}', undefined],
    ['{"label":"hard"', undefined],
    ['', undefined],
  ])('%s names %s', (text, label) => {
    expect(readLabel(text, ['hard', 'easy', 'none'])).toBe(label);
  });

  it('has a text only where it is whole', () => {
    const answer = (finish: string, content: unknown = 'hard') => ({
      choices: [{ finish_reason: finish, message: { content } }],
    });
    expect(readText(answer('stop'))).toBe('hard');
    for (const other of [answer('length'), answer('stop', null), {}, null, { choices: [] }])
      expect(readText(other)).toBeUndefined();
  });

  it('has one vector for each text, in their order, or none', () => {
    const data = [
      { index: 1, embedding: [2] },
      { index: 0, embedding: [1] },
    ];
    expect(readVectors({ data }, 2)).toEqual([[1], [2]]);
    for (const other of [
      { data: [data[0]] },
      { data: [data[0], data[0]] },
      { data: [data[0], { embedding: ['x'] }] },
      {},
    ]) {
      expect(readVectors(other, 2)).toBeUndefined();
    }
  });
});

describe('what a classifier is asked', () => {
  const classifier = {
    target: target('judge', { model: 'small' }),
    timeoutMs: 1,
    maxInputTokens: 16,
    maxOutputTokens: 64,
    cacheMs: 0,
    labels: [{ name: 'hard', description: 'proofs' }],
  };
  it('is held to a schema where the model can be, and capped in the words of its vendor', () => {
    const model = { name: 'small', upstreamName: 'small' };
    const asked = classifierQuestion(classifier, 'x', 'OpenAI', {
      ...model,
      capabilities: ['Chat', 'JSONSchema'],
    });
    expect(asked).toMatchObject({ max_completion_tokens: 64, response_format: { type: 'json_schema' } });
    const plain = classifierQuestion(classifier, 'x', 'VLLM', model);
    expect(plain).toMatchObject({ max_tokens: 64 });
    expect(plain).not.toHaveProperty('response_format');
  });
});

describe('a model that does not answer', () => {
  it('is left alone for longer and longer, and asked by one request each time', () => {
    const pause = new Pause();
    let now = 0;
    for (let i = 0; i < 3; i++) {
      expect(pause.left(now)).toBe(0);
      pause.failed(now);
    }
    expect(pause.left(now)).toBe(1000);
    now = 1000;
    expect(pause.left(now)).toBe(0);
    expect(pause.left(now)).toBeGreaterThan(0);
    pause.failed(now);
    expect(pause.left(now)).toBe(2000);
    for (let i = 0; i < 20; i++) pause.failed(now);
    expect(pause.left(now)).toBe(30_000);
    pause.answered();
    expect(pause.left(now)).toBe(0);
  });
});

it('remembers texts for their time, up to a number', () => {
  const cache = new TimedCache<string>(2);
  cache.set('a', 'A', 10);
  cache.set('b', 'B', 20);
  expect(cache.get('a', 5)).toBe('A');
  cache.set('c', 'C', 20);
  expect([cache.get('a', 5), cache.get('b', 5), cache.get('c', 5), cache.size]).toEqual([
    'A',
    undefined,
    'C',
    2,
  ]);
  expect([cache.get('a', 10), cache.size]).toEqual([undefined, 1]);
});

it('demands of whoever sees a prompt what all rules demand that may still be the first', () => {
  expect(strictest([{}, {}])).toBeUndefined();
  expect(
    strictest([
      { dataPolicy: { residency: ['EU', 'CH'], retentionDays: 30 }, regions: ['a', 'b'] },
      { dataPolicy: { residency: ['EU', 'US'], retentionDays: 0, training: 'Never' } },
      { regions: ['c'] },
    ]),
  ).toEqual({ dataPolicy: { residency: ['EU'], retentionDays: 0, training: 'Never' }, regions: [] });
});

describe('vectors of examples in a sidecar', () => {
  const embeddings: EmbeddingsBody = {
    target: target('p', { model: 'm' }),
    timeoutMs: 1,
    maxInputTokens: 16,
    cacheMs: 0,
  };
  const intents: IntentsBody = {
    method: 'Embeddings',
    embeddings,
    minScorePercent: 1,
    marginPercent: 1,
    list: LIST,
  };
  const route = (vectors?: VectorsBody) =>
    ({ asking: { Intents: {} }, signals: { vectors } }) as unknown as TableRoute;
  const answering = () => {
    const asked: Question[] = [];
    let works = true;
    const ask: Ask = (question) => {
      asked.push(question);
      const input = (question.body as { input: string[] }).input;
      return Promise.resolve(
        works
          ? { ok: true, answer: { data: input.map((_, index) => ({ index, embedding: EXAMPLES[index] })) } }
          : { ok: false, why: 'Failed', detail: 'down' },
      );
    };
    return { ask, asked, set: (value: boolean) => (works = value) };
  };

  it('come with the snapshot, and nobody is asked', async () => {
    const { ask, asked } = answering();
    const sets = new ExampleSets(ask, new VirtualClock());
    expect(await sets.get(route(vectorsBody(packed(EXAMPLES))), intents, embeddings)).toMatchObject({
      vectors: { count: 3 },
    });
    expect(asked).toEqual([]);
    // Another configuration with the same examples, from an operator that does not have them yet.
    expect(await sets.get(route(), structuredClone(intents), embeddings)).toMatchObject({
      vectors: { count: 3 },
    });
    expect(asked).toEqual([]);
  });

  it('are asked for once by however many requests, and again after a while where that failed', async () => {
    const { ask, asked, set } = answering();
    const clock = new VirtualClock();
    const sets = new ExampleSets(ask, clock);
    set(false);
    const both = await Promise.all([
      sets.get(route(), intents, embeddings),
      sets.get(route(), intents, embeddings),
    ]);
    expect(both).toEqual(Array.from({ length: 2 }, () => ({ failed: 'no vectors of the examples: down' })));
    expect(asked).toHaveLength(1);
    set(true);
    expect(await sets.get(route(), intents, embeddings)).toHaveProperty('failed');
    expect(asked).toHaveLength(1);
    clock.advance(2000);
    expect(await sets.get(route(), intents, embeddings)).toHaveProperty('vectors');
    expect(await sets.get(route(), intents, embeddings)).toHaveProperty('vectors');
    expect(asked).toHaveLength(2);
  });

  it('that came in another number than there are examples are not believed', async () => {
    const { ask, asked } = answering();
    const sets = new ExampleSets(ask, new VirtualClock());
    expect(await sets.get(route(vectorsBody(packed([[1, 0, 0]]))), intents, embeddings)).toHaveProperty(
      'vectors',
    );
    expect(asked).toHaveLength(1);
  });
});
