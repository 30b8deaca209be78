import { describe, expect, it } from 'vitest';
import {
  readCompletionsRequest,
  readEmbeddingsRequest,
} from '../../../../sidecar/dialects/openai/prompt-request.ts';

const completions = (value: unknown) => readCompletionsRequest(Buffer.from(JSON.stringify(value)));
const embeddings = (value: unknown) => readEmbeddingsRequest(Buffer.from(JSON.stringify(value)));

describe('readCompletionsRequest', () => {
  it.each([
    ['one string', { prompt: 'ab' }, { choices: 1, tokenIds: 0 }, 2],
    ['no prompt', {}, { choices: 1, tokenIds: 0 }, 0],
    ['strings', { prompt: ['ab', 'cd'] }, { choices: 2, tokenIds: 0 }, 4],
    ['token ids', { prompt: [1, 2, 3] }, { choices: 1, tokenIds: 3 }, 0],
    ['arrays of token ids', { prompt: [[1, 2], [3]] }, { choices: 2, tokenIds: 3 }, 0],
    ['n and best_of', { prompt: ['a', 'b', 'c'], n: 2, best_of: 4 }, { choices: 12, tokenIds: 0 }, 3],
  ])('reads %s', (_, body, expected, bytes) => {
    const envelope = completions({ model: 'm', ...body });
    expect(envelope).toMatchObject(expected);
    expect(envelope.text.ascii).toBe(bytes);
    expect(envelope.roles).toEqual({ user: 1 });
  });

  it('refuses a prompt that is a number', () => {
    expect(() => completions({ prompt: 5 })).toThrow('prompt is 5; it must be a string or an array');
  });
});

describe('readEmbeddingsRequest', () => {
  it('reads one text or many', () => {
    expect(embeddings({ model: 'm', input: ['a', 'bc'] })).toMatchObject({ choices: 1, text: { ascii: 3 } });
    expect(embeddings({ model: 'm', input: 'a\n' }).userText).toHaveLength(1);
  });

  it('requires input', () => {
    expect(() => embeddings({ model: 'm' })).toThrow('input is required');
  });
});
