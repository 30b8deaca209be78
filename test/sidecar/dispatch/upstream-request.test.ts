/** What a provider gets to see, to the byte: nothing of ours, nothing of the caller's that is not meant for it. */
import { describe, expect, it } from 'vitest';
import { allowedQuery } from '../../../sidecar/dispatch/header-rules.ts';
import { ask, chat, stream } from './client.ts';
import { front, upstream } from './harness.ts';

const ANSWER = '{"choices":[{"index":0,"message":{"content":"x"},"finish_reason":"stop"}]}';
const answering = () =>
  upstream((res) => {
    res.writeHead(200, { 'content-type': 'application/json' });
    res.end(ANSWER);
  });

/** Everything an SDK, a browser or a mesh may send. */
const CALLER = {
  accept: 'application/json',
  authorization: 'Bearer placeholder-key',
  'api-key': 'caller-key',
  'x-api-key': 'caller-key',
  cookie: 'session=1',
  'proxy-authorization': 'Basic x',
  'accept-encoding': 'gzip, br',
  'user-agent': 'OpenAI/JS 7.0.0',
  'openai-organization': 'org-caller',
  'openai-project': 'proj-caller',
  'OpenAI-Beta': 'assistants=v2',
  'idempotency-key': 'once',
  'x-stainless-lang': 'js',
  'x-stainless-timeout': '600',
  'x-stainless-retry-count': '0',
  'x-outrider-route': 'spoofed',
  'x-forwarded-for': '10.0.0.1',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  'x-team': 'search',
  te: 'trailers',
};

describe('what the provider sees', () => {
  it('is the allowed headers, our key, and the body as received but for the model', async () => {
    const u = await answering();
    const f = await front({ targets: [{ url: u.url, key: 'sk-ours', model: 'gpt-5-mini' }] });
    const body =
      '{ "model" : "assistant",\n "messages":[{"role":"user","content":"h\\u00e9"}], "temperature": 1.0, "x":1e400 }';
    await ask(f.port, { body, headers: CALLER, path: '/v1/chat/completions?api-version=1&api_key=k&a=%20b' })
      .answer;
    const expected = body.replace('"assistant"', '"gpt-5-mini"');
    const [seen] = u.requests;
    expect(seen?.body.toString()).toBe(expected);
    expect(seen?.url).toBe('/v1/chat/completions?api-version=1&a=%20b');
    expect(seen?.method).toBe('POST');
    expect(pairs(seen?.rawHeaders)).toEqual([
      `Host: 127.0.0.1:${u.port}`,
      'Accept-Encoding: identity',
      'content-type: application/json',
      'accept: application/json',
      'user-agent: OpenAI/JS 7.0.0',
      'OpenAI-Beta: assistants=v2',
      'idempotency-key: once',
      'authorization: Bearer sk-ours',
      `Content-Length: ${expected.length}`,
      'Connection: keep-alive',
    ]);
  });

  it('is nothing of a key where the server is open', async () => {
    const u = await answering();
    const f = await front({ targets: [{ url: u.url }] });
    await chat(f.port, {}, CALLER).answer;
    expect(pairs(u.requests[0]?.rawHeaders).filter((h) => /auth|key/i.test(h))).toEqual([
      'idempotency-key: once',
    ]);
  });

  it("is the caller's own key and account where that is configured", async () => {
    const u = await answering();
    const f = await front({ targets: [{ url: u.url, credential: 'Passthrough' }] });
    await chat(f.port, {}, CALLER).answer;
    const seen = pairs(u.requests[0]?.rawHeaders);
    expect(seen).toContain('authorization: Bearer placeholder-key');
    expect(seen).toContain('openai-organization: org-caller');
    expect(seen).toContain('openai-project: proj-caller');
    expect(seen.filter((h) => h.includes('caller-key'))).toEqual([]);
  });

  it("never carries the caller's own key to a second provider", async () => {
    const [first, second] = [await answering(), await answering()];
    const bad = await upstream((res) => {
      res.writeHead(500);
      res.end();
    });
    const f = await front({
      targets: [
        { url: bad.url, credential: 'Passthrough' },
        { url: first.url, credential: 'Passthrough' },
        { url: second.url, key: 'sk-ours' },
      ],
    });
    const answer = await chat(f.port, {}, CALLER).answer;
    expect(answer.headers['x-outrider-target']).toBe('t2');
    expect(first.requests).toEqual([]);
    expect(pairs(second.requests[0]?.rawHeaders)).toContain('authorization: Bearer sk-ours');
    expect(pairs(second.requests[0]?.rawHeaders)).not.toContain('openai-organization: org-caller');
  });

  it('is what provider and target set, over what the caller sent', async () => {
    const u = await answering();
    const f = await front({
      targets: [
        {
          url: u.url,
          key: 'sk-ours',
          body: {
            headers: [
              { name: 'X-Provider', value: 'p' },
              { name: 'x-both', value: 'provider' },
              { name: 'Host', value: 'evil' },
            ],
          },
          patch: {
            headers: [
              { name: 'x-both', value: 'target' },
              { name: 'User-Agent', value: 'ours' },
              { name: 'x-outrider-debug', value: '1' },
              { name: 'content-length', value: '1' },
            ],
            set: [{ name: 'temperature', value: 0.5 }],
            default: [{ name: 'top_p', value: 1 }],
            remove: ['user'],
          },
        },
      ],
      rule: {
        forwardHeaders: ['x-team', 'traceparent', 'authorization', 'cookie', 'x-outrider-route', 'x-both'],
      },
    });
    const answer = await chat(f.port, { temperature: 1, user: 'u1' }, { ...CALLER, 'x-both': 'caller' })
      .answer;
    const [seen] = u.requests;
    expect(pairs(seen?.rawHeaders)).toEqual([
      `Host: 127.0.0.1:${u.port}`,
      'Accept-Encoding: identity',
      'X-Provider: p',
      'x-both: target',
      'User-Agent: ours',
      'content-type: application/json',
      'accept: application/json',
      'OpenAI-Beta: assistants=v2',
      'idempotency-key: once',
      `traceparent: ${CALLER.traceparent}`,
      'x-team: search',
      'authorization: Bearer sk-ours',
      `Content-Length: ${seen?.body.length}`,
      'Connection: keep-alive',
    ]);
    expect(seen?.body.toString()).toBe(
      '{"model":"scripted","messages":[{"role":"user","content":"hello"}],"temperature":0.5,"top_p":1}',
    );
    expect(answer.headers['x-outrider-warnings']).toBe('target t0 removed user; target t0 set temperature');
    const { steps } = await f.finished();
    expect(steps.map((s) => `${s.what} ${s.detail}`)).toEqual([
      'Patched target t0: removed user',
      'Patched target t0: set temperature',
      'Patched target t0: set top_p',
    ]);
  });

  it("asks for usage in the caller's own stream_options", async () => {
    const u = await answering();
    const f = await front({ targets: [{ url: u.url, model: 'm' }] });
    const bodies: [string, string][] = [
      ['', ',"stream_options":{"include_usage":true}'],
      [',"stream_options":null', ',"stream_options":{"include_usage":true}'],
      [',"stream_options":{}', ',"stream_options":{"include_usage":true}'],
      [',"stream_options":{ "a":1}', ',"stream_options":{"include_usage":true, "a":1}'],
      [',"stream_options":{"a":1,"include_usage":false}', ',"stream_options":{"a":1,"include_usage":true}'],
      [',"stream_options":{"include_usage":true}', ',"stream_options":{"include_usage":true}'],
    ];
    const body = (options: string) => `{"model":"m","messages":[],"stream":true${options}}`;
    for (const [asked] of bodies) await ask(f.port, { body: body(asked) }).answer;
    expect(u.requests.map((r) => r.body.toString())).toEqual(bodies.map(([, sent]) => body(sent)));
  });

  it('carries an idempotency key to one credential only', async () => {
    const bad = await upstream((res) => {
      res.writeHead(503);
      res.end();
    });
    const good = await answering();
    const f = await front({
      targets: [
        { url: bad.url, key: 'a' },
        { url: good.url, key: 'b' },
      ],
      maxAttempts: 2,
    });
    await chat(f.port, {}, { 'idempotency-key': 'once' }).answer;
    const has = (u: { requests: { rawHeaders: string[] }[] }) =>
      u.requests.map((r) => pairs(r.rawHeaders).includes('idempotency-key: once'));
    expect([has(bad), has(good)]).toEqual([[true], [false]]);
  });

  it('sends a large body in pieces that add up', async () => {
    const u = await answering();
    const f = await front({ targets: [{ url: u.url, model: 'other' }] });
    const content = 'long '.repeat(100_000);
    await stream(f.port, { messages: [{ role: 'user', content }] }).answer;
    const sent = JSON.parse(u.requests[0]?.body.toString() ?? '') as {
      model: string;
      messages: { content: string }[];
    };
    expect(sent.model).toBe('other');
    expect(sent.messages[0]?.content).toBe(content);
    expect(pairs(u.requests[0]?.rawHeaders)).toContain(`Content-Length: ${u.requests[0]?.body.length}`);
  });
});

describe('query', () => {
  it.each([
    ['', ''],
    ['a=1&b=2', 'a=1&b=2'],
    ['key=AIza&a=1', 'a=1'],
    ['a=1&API_KEY=x&access_token=y&b', 'a=1&b'],
    ['%6bey=x&a=%zz', 'a=%zz'],
    ['keyword=x&monkey=1', 'keyword=x&monkey=1'],
  ])('%j becomes %j', (query, allowed) => expect(allowedQuery(query)).toBe(allowed));
});

function pairs(raw: readonly string[] = []): string[] {
  const found: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) found.push(`${raw[i]}: ${raw[i + 1]}`);
  return found;
}
