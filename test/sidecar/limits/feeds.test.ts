import { describe, expect, it } from 'vitest';
import { HeadroomFeeds } from '../../../sidecar/limits/feeds.ts';
import { PROVIDER_TYPES } from '../../../sidecar/providers/types.ts';
import type { Candidate } from '../../../sidecar/routing/plan.ts';
import type { ProviderTypeName } from '../../../sidecar/snapshot/schema.ts';
import { credential, provider, target } from '../routing/support.ts';

const WALL = Date.parse('2026-05-01T12:00:00Z');
const DATE = ['Date', 'Fri, 01 May 2026 12:00:00 GMT'];

function candidate(type: ProviderTypeName, key = 'a', model = 'm'): Candidate {
  const body = provider('p', { type, credentials: [credential('a'), credential('b')] });
  return {
    index: 0,
    target: target('p'),
    providerId: 'provider/ns/p',
    provider: body,
    credential: body.credentials.find(({ name }) => name === key),
    upstreamModel: model,
    model: undefined,
  };
}

function hear(
  feeds: HeadroomFeeds,
  c: Candidate,
  headers: string[],
  { startedAt = 100, now = 200, wall = WALL, share = 1 } = {},
): void {
  const { retryAfter } = PROVIDER_TYPES[c.provider.type];
  feeds.hear(c, startedAt, retryAfter, headers, { now: () => now, wall: () => wall }, share);
}

const LOW: [ProviderTypeName, string[], number][] = [
  [
    'OpenAI',
    [
      'x-ratelimit-limit-requests',
      '60',
      'X-RateLimit-Remaining-Requests',
      '0',
      'x-ratelimit-reset-requests',
      '6s',
    ],
    6000,
  ],
  ['AzureOpenAI', ['x-ratelimit-remaining-requests', '0', 'x-ratelimit-reset-requests', '17'], 17_000],
  [
    'Groq',
    [
      'x-ratelimit-limit-tokens',
      '6000',
      'x-ratelimit-remaining-tokens',
      '12',
      'x-ratelimit-reset-tokens',
      '7.66s',
    ],
    7660,
  ],
  [
    'Anthropic',
    [
      'anthropic-ratelimit-requests-limit',
      '50',
      'anthropic-ratelimit-requests-remaining',
      '0',
      'anthropic-ratelimit-requests-reset',
      '2026-05-01T12:00:20Z',
    ],
    20_000,
  ],
  [
    'Anthropic',
    [
      'anthropic-ratelimit-output-tokens-limit',
      '8000',
      'anthropic-ratelimit-output-tokens-remaining',
      '0',
      'anthropic-ratelimit-output-tokens-reset',
      '2026-05-01T12:00:05Z',
    ],
    5000,
  ],
  ['Cerebras', ['x-ratelimit-remaining-tokens-minute', '0', 'x-ratelimit-reset-tokens-minute', '3.5'], 3500],
  ['Mistral', ['x-ratelimit-remaining-req-minute', '0', 'x-ratelimit-reset-req-minute', '30'], 30_000],
];

describe('what providers say of their limits', () => {
  it.each(LOW)('%s: %j', (type, headers, ms) => {
    const feeds = new HeadroomFeeds();
    const c = candidate(type);
    hear(feeds, c, [...DATE, ...headers]);
    const short = feeds.shortage(c, 100, 300);
    expect(short?.until).toBe(200 + ms);
    expect(short?.detail).toContain('the provider said of key a');
    expect(feeds.shortage(c, 100, 200 + ms)).toBeUndefined();
    expect(feeds.shortage(candidate(type, 'b'), 100, 300)).toBeUndefined();
    expect(feeds.shortage(candidate(type, 'a', 'other'), 100, 300)).toBeUndefined();
  });

  const said = (remaining: number, limit = 60, reset = '10s') => [
    'x-ratelimit-limit-requests',
    String(limit),
    'x-ratelimit-remaining-requests',
    String(remaining),
    'x-ratelimit-reset-requests',
    reset,
  ];

  it('count what is sent since, and are forgotten once plenty is left', () => {
    const feeds = new HeadroomFeeds();
    const c = candidate('OpenAI');
    hear(feeds, c, said(2));
    feeds.take(c, 10);
    expect(feeds.shortage(c, 10, 300)).toBeUndefined();
    feeds.take(c, 10);
    expect(feeds.shortage(c, 10, 300)?.until).toBe(10_200);
    hear(feeds, c, said(50), { startedAt: 400, now: 500 });
    expect(feeds.none).toBe(true);
  });

  it('do not take an older answer for news', () => {
    const feeds = new HeadroomFeeds();
    const c = candidate('OpenAI');
    hear(feeds, c, said(0), { startedAt: 400 });
    hear(feeds, c, said(59), { startedAt: 100 });
    expect(feeds.shortage(c, 1, 500)).toBeDefined();
  });

  it('leave calls that are still unanswered their part', () => {
    const feeds = new HeadroomFeeds();
    const c = candidate('OpenAI');
    hear(feeds, c, said(3));
    feeds.take(c, 1);
    feeds.take(c, 1);
    // The next answer was counted before those two.
    hear(feeds, c, said(2), { startedAt: 150 });
    expect(feeds.shortage(c, 1, 300)).toBeDefined();
  });

  it('are told to others as the least percent that any key has left', () => {
    const feeds = new HeadroomFeeds();
    const left = (remaining: number) => [
      'x-ratelimit-limit-requests',
      '200',
      'x-ratelimit-remaining-requests',
      String(remaining),
      'x-ratelimit-reset-requests',
      '6s',
    ];
    const percent = (now = 200, model = 'm') => feeds.percent('provider/ns/p', model, now);
    expect(percent()).toBeUndefined();
    hear(feeds, candidate('OpenAI'), left(100));
    expect(percent()).toBeUndefined();
    hear(feeds, candidate('OpenAI', 'a'), left(30), { startedAt: 101 });
    hear(feeds, candidate('OpenAI', 'b'), left(7));
    expect([percent(), percent(200, 'other'), percent(6_300)]).toEqual([3, undefined, undefined]);
  });

  it('are shared with the fleet', () => {
    const feeds = new HeadroomFeeds();
    const c = candidate('OpenAI');
    hear(feeds, c, said(10), { share: 0.1 });
    feeds.take(c, 1);
    expect(feeds.shortage(c, 1, 300)).toBeDefined();
  });

  it('are read by the clock of the provider', () => {
    const feeds = new HeadroomFeeds();
    const c = candidate('Anthropic');
    const headers = [
      'anthropic-ratelimit-requests-remaining',
      '0',
      'anthropic-ratelimit-requests-reset',
      '2026-05-01T12:00:20Z',
    ];
    // Our own clock is an hour wrong.
    hear(feeds, c, [...DATE, ...headers], { wall: WALL + 3_600_000 });
    expect(feeds.shortage(c, 1, 300)?.until).toBe(20_200);
  });

  it('are believed for a minute at most', () => {
    const feeds = new HeadroomFeeds();
    const c = candidate('OpenAI');
    hear(feeds, c, said(0, 1000, '24h'));
    expect(feeds.shortage(c, 1, 300)?.until).toBe(60_200);
  });

  it.each([
    [['x-ratelimit-remaining-requests', 'many', 'x-ratelimit-reset-requests', '1s']],
    [['x-ratelimit-remaining-requests', '0', 'x-ratelimit-reset-requests', 'soon']],
    [['x-ratelimit-remaining-requests', '0']],
    [['x-ratelimit-remaining-requests', '-5', 'x-ratelimit-reset-requests', '1s']],
    [['content-type', 'application/json']],
  ])('say nothing where they cannot be read: %j', (headers) => {
    const feeds = new HeadroomFeeds();
    hear(feeds, candidate('OpenAI'), headers);
    expect(feeds.none).toBe(true);
  });

  it('are bounded in number', () => {
    const feeds = new HeadroomFeeds();
    for (let i = 0; i < 1500; i++) hear(feeds, candidate('OpenAI', 'a', `m${i}`), said(0));
    expect(feeds.shortage(candidate('OpenAI', 'a', 'm0'), 1, 300)).toBeUndefined();
    expect(feeds.shortage(candidate('OpenAI', 'a', 'm1499'), 1, 300)).toBeDefined();
  });
});
