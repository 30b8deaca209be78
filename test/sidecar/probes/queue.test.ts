import { describe, expect, it } from 'vitest';
import type { Answered } from '../../../sidecar/probes/ask.ts';
import { QueueDepths, waitingIn } from '../../../sidecar/probes/queue.ts';
import { ManualClock } from '../../operator/support/manual-clock.ts';
import { provider } from '../routing/support.ts';

const page = (body: string): Answered => ({ ok: true, status: 200, body });
const settle = () => new Promise<void>((resolve) => void setImmediate(resolve));

describe('what waits at a server', () => {
  it.each([
    [
      'vLLM',
      '# HELP x\nvllm:num_requests_running{model_name="a"} 3.0\nvllm:num_requests_waiting{model_name="a"} 7.0\n',
      7,
    ],
    [
      'vLLM with two models',
      'vllm:num_requests_waiting{engine="0"} 2.0\nvllm:num_requests_waiting{engine="1"} 3.0\n',
      5,
    ],
    ['SGLang', 'sglang:num_queue_reqs{model_name="m"} 4\n', 4],
    ['TGI', 'tgi_queue_size 11\n', 11],
    ['llama.cpp', 'llamacpp:requests_deferred 1\r\n', 1],
    ['others', 'requests_waiting 9\n', undefined],
    ['a page that is none', '<html>vllm:num_requests_waiting 3</html>', undefined],
    ['a number that is none', 'tgi_queue_size NaN\n', undefined],
  ])('is read from %s', (_, text, depth) => {
    expect(waitingIn(text)).toBe(depth);
  });

  it('is asked for only while somebody wants to know, and known only while it is fresh', async () => {
    const clock = new ManualClock();
    let asked = 0;
    let answer: Answered = page('vllm:num_requests_waiting 5.0\n');
    const depths = new QueueDepths({
      clock,
      random: () => 0.5,
      ask: (_provider, url) => {
        asked++;
        expect(url.href).toBe('http://p.example/metrics');
        return Promise.resolve(answer);
      },
    });
    const body = provider('p', { type: 'VLLM' });
    const depth = () => depths.depth('provider/ns/p', body, clock.monotonic());
    expect(depth()).toBeUndefined();
    await clock.pass(100, settle);
    expect(depth()).toBe(5);
    await clock.pass(60_000, settle);
    expect(asked).toBeLessThanOrEqual(17);
    expect(clock.waits).toEqual([]);
    expect(depth()).toBeUndefined();
    // A server that tells nothing is asked ever more seldom.
    answer = { ok: true, status: 404, body: '' };
    await clock.pass(100, settle);
    const before = asked;
    for (let n = 0; n < 60; n++) {
      depth();
      await clock.pass(1_000, settle);
    }
    expect(asked - before).toBeLessThanOrEqual(6);
    expect(depth()).toBeUndefined();
    depths.stop();
    expect(clock.waits).toEqual([]);
  });

  it('is not asked of vendors', () => {
    const clock = new ManualClock();
    const depths = new QueueDepths({ clock, random: () => 0, ask: () => expect.unreachable('asked') });
    expect(depths.depth('provider/ns/p', provider('p', { type: 'OpenAI' }), 0)).toBeUndefined();
    expect(clock.waits).toEqual([]);
  });
});
