/** Same dialect, same bytes: the caller reads what the provider sent it, usage for our own books or not. */
import { describe, expect, it } from 'vitest';
import type { StreamUsage } from '../../../dev/providers/behaviour.ts';
import { ask, chat, stream } from './client.ts';
import { front, provider, upstream } from './harness.ts';

/** The scripted provider derives ids and prompt tokens from the request body, which differs by what we splice. */
const comparable = (text: string) =>
  text.replace(/chatcmpl-[0-9a-f]{24}/g, 'id').replace(/"(prompt|total)_tokens":\d+/g, '"$1_tokens":0');

describe('same bytes', () => {
  it('hands on a complete body', async () => {
    const p = await provider();
    const f = await front({ targets: [{ url: p.url, key: 'sk-test' }] });
    const direct = await chat(p.port, { model: 'scripted' }).answer;
    const routed = await chat(f.port, { model: 'scripted' }).answer;
    expect(routed.status).toBe(200);
    expect(routed.text).toBe(direct.text);
    expect(routed.headers['content-length']).toBe(String(routed.body.length));
    const exchange = await f.finished();
    expect(exchange.outcome).toMatchObject({ status: 200, broken: false, cancelled: false, streamed: false });
    expect(exchange.attempts).toHaveLength(1);
    expect(exchange.attempts[0]).toMatchObject({
      kind: 'First',
      httpStatus: 200,
      failure: undefined,
      finishReasons: ['stop'],
      responseModel: 'scripted-2026-01-01',
    });
    expect(exchange.attempts[0]?.rawUsage).toMatchObject({ completion_tokens: 12 });
  });

  it.each(['/v1/completions', '/v1/embeddings'])('hands on %s', async (path) => {
    const p = await provider();
    const f = await front({ targets: [{ url: p.url }] });
    const body = JSON.stringify({ model: 'scripted', prompt: 'hello', input: 'hello' });
    const direct = await ask(p.port, { path, body }).answer;
    const routed = await ask(f.port, { path, body }).answer;
    expect(routed.status).toBe(200);
    expect(routed.text).toBe(direct.text);
    expect(p.requests[1]?.url).toBe(path);
  });

  const options: [string, object][] = [
    ['no stream_options', {}],
    ['stream_options null', { stream_options: null }],
    ['stream_options empty', { stream_options: {} }],
    ['include_usage false', { stream_options: { include_usage: false } }],
    ['another option', { stream_options: { include_obfuscation: false } }],
  ];
  const kinds: StreamUsage[] = ['OnRequest', 'FinishChunk', 'Always', 'Never', 'RejectOption'];
  const cases = kinds.flatMap((kind) => options.map(([name, more]) => [kind, name, more] as const));

  it.each(cases)('shows the stream as it would have been: usage %s, %s', async (streamUsage, _, more) => {
    const p = await provider({ streamUsage });
    const f = await front({ targets: [{ url: p.url }] });
    const direct = await stream(p.port, { model: 'scripted', ...more }).answer;
    const routed = await stream(f.port, { model: 'scripted', ...more }).answer;
    // A vendor that sends the last chunk unasked cannot be told apart from one that was asked.
    const unasked = streamUsage === 'Always' ? /data: [^\n]*"choices":\[\],[^\n]*\n\n/ : /$^/;
    expect(routed.status).toBe(direct.status);
    expect(comparable(routed.text)).toBe(comparable(direct.text.replace(unasked, '')));
    const exchange = await f.finished();
    const known = streamUsage !== 'Never' && streamUsage !== 'RejectOption';
    expect(exchange.attempts.at(-1)?.rawUsage !== undefined).toBe(known);
  });

  it('leaves usage in where the caller asks for it', async () => {
    const p = await provider();
    const f = await front({ targets: [{ url: p.url }] });
    const asked = { model: 'scripted', stream_options: { include_usage: true } };
    const direct = await stream(p.port, asked).answer;
    const routed = await stream(f.port, asked).answer;
    expect(routed.text).toBe(direct.text);
    expect(routed.text).toContain('"usage":null');
    expect(routed.text).toContain('"choices":[],"usage":{');
  });

  it('does not ask a server that is known to send usage always, or never', async () => {
    const p = await provider({ streamUsage: 'Never' });
    const targets = (['Always', 'Never'] as const).map((streamUsage) => ({
      url: p.url,
      body: { streamUsage },
    }));
    for (const target of targets) {
      const f = await front({ targets: [target] });
      await stream(f.port, { model: 'scripted' }).answer;
    }
    expect(p.requests.map((r) => r.body.includes('stream_options'))).toEqual([false, false]);
  });

  it('asks a server that refuses the option only once', async () => {
    const p = await provider({ streamUsage: 'RejectOption' });
    const f = await front({ targets: [{ url: p.url }], maxAttempts: 1 });
    expect((await stream(f.port).answer).status).toBe(200);
    expect((await stream(f.port).answer).status).toBe(200);
    expect(p.requests.map((r) => r.body.includes('stream_options'))).toEqual([true, false, false]);
    const { attempts } = await f.finished(0);
    expect(attempts.map((a) => [a.kind, a.failure, a.noWork])).toEqual([
      ['First', 'Caller', true],
      ['Retry', undefined, false],
    ]);
  });

  it('keeps every byte however the stream is cut: CRLF, comments, split characters', async () => {
    const events = [
      ': hello\r\n\r\n',
      'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}\r\n\r\n',
      'event: message\ndata: {"choices":[{"index":0,"delta":{"content":"héllo 中文 🦊"},"finish_reason":null}]}\n\n',
      'data:{"choices":[{"index":0,"delta":{"content":"b"},\ndata: "finish_reason":null}]}\n\n',
      ': ping\n\n',
      'id: 7\rdata: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\r\r',
      'data: [DONE]\n\n',
    ];
    const whole = Buffer.from(events.join(''));
    for (const size of [1, 2, 3, 7, 64, whole.length]) {
      const u = await upstream((res) => {
        res.writeHead(200, { 'content-type': 'text/event-stream' });
        let at = 0;
        const next = (): void => {
          if (at >= whole.length) return void res.end();
          res.write(whole.subarray(at, (at += size)));
          setImmediate(next);
        };
        next();
      });
      const f = await front({ targets: [{ url: u.url, body: { streamUsage: 'Never' } }] });
      const routed = await stream(f.port).answer;
      expect(routed.text, `pieces of ${size}`).toBe(whole.toString());
      expect((await f.finished()).attempts[0]).toMatchObject({ failure: undefined, finishReasons: ['stop'] });
    }
  });

  it('takes out "usage":null wherever it stands, and nothing that only looks like it', async () => {
    const told = [
      'data: {"usage":null,"choices":[{"index":0,"delta":{"content":"\\"usage\\":null"},"finish_reason":null}]}\n\n',
      'data: {"choices":[{"index":0,"delta":{"content":"x","usage":null},"finish_reason":null}],"usage":null}\n\n',
      'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage": null ,"x":1}\n\n',
      'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}\n\n',
      'data: [DONE]\n\n',
    ];
    const shown = [
      'data: {"choices":[{"index":0,"delta":{"content":"\\"usage\\":null"},"finish_reason":null}]}\n\n',
      'data: {"choices":[{"index":0,"delta":{"content":"x","usage":null},"finish_reason":null}]}\n\n',
      'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}] ,"x":1}\n\n',
      'data: [DONE]\n\n',
    ];
    const u = await upstream((res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.end(told.join(''));
    });
    const f = await front({ targets: [{ url: u.url }] });
    expect((await stream(f.port).answer).text).toBe(shown.join(''));
  });

  it('hands on what comes encoded in spite of us, unread', async () => {
    const u = await upstream((res) => {
      res.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'br' });
      res.end(Buffer.from([1, 2, 3]));
    });
    const f = await front({ targets: [{ url: u.url }] });
    const routed = await chat(f.port).answer;
    expect(routed.headers['content-encoding']).toBe('br');
    expect([...routed.body]).toEqual([1, 2, 3]);
  });
});
