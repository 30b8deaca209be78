/**
 * What reading a request costs: the envelope scanner against JSON.parse, the splice against parse and stringify, and one
 * stream event against JSON.parse of it. Prints microseconds, best of several rounds.
 *
 *   node bench/envelope.ts
 */
import { readChatRequest } from '../sidecar/dialects/openai/chat-request.ts';
import { OPENAI_CHAT } from '../sidecar/dialects/openai/dialects.ts';
import { spliceBody } from '../sidecar/dialects/splice.ts';
import { SseSplitter } from '../sidecar/dialects/sse.ts';

const PATCH = { set: [], default: [], remove: [], headers: [] };

const PROSE = 'The quick brown fox jumps over the lazy dog, and then it writes a long letter about it.\n';
const CODE = 'if (a["b"] !== `c\\d`) {\n\treturn x.map((y) => y * 2);\n}\n';
const CHINESE = '敏捷的棕色狐狸跳过了懒狗，然后写了一封长信。\n';

/** A conversation of about `bytes` bytes as JSON. */
function conversation(text: string, bytes: number): Buffer {
  const messages = [{ role: 'system', content: 'Be brief.' }];
  const turn = text.repeat(Math.max(1, Math.floor(600 / text.length)));
  let body = '';
  while (body.length < bytes) {
    messages.push({ role: messages.length % 2 === 1 ? 'user' : 'assistant', content: turn });
    body = JSON.stringify({ model: 'assistant', temperature: 0.2, stream: true, messages });
  }
  return Buffer.from(body);
}

/** Microseconds per call: the fastest of nine rounds of about 30 ms. */
function time(run: () => unknown): number {
  let calls = 1;
  for (let took = 0; took < 30; ) {
    const start = performance.now();
    for (let i = 0; i < calls; i++) run();
    took = performance.now() - start;
    if (took < 30) calls *= 2;
  }
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 9; round++) {
    const start = performance.now();
    for (let i = 0; i < calls; i++) run();
    best = Math.min(best, ((performance.now() - start) * 1000) / calls);
  }
  return best;
}

const line = (cells: (string | number)[]) =>
  console.log(
    cells.map((cell) => (typeof cell === 'number' ? cell.toFixed(2) : cell).padStart(12)).join(' '),
  );

console.log('microseconds per request body');
line(['text', 'bytes', 'scan', 'JSON.parse', 'scan+splice', 'parse+string']);
for (const [name, text] of [
  ['prose', PROSE],
  ['code', CODE],
  ['chinese', CHINESE],
] as const) {
  for (const bytes of [2_000, 20_000, 200_000]) {
    const body = conversation(text, bytes);
    const splice = () =>
      spliceBody(readChatRequest(body), { model: 'gpt-5-mini', patch: PATCH, includeUsage: true });
    line([
      name,
      String(body.length),
      time(() => readChatRequest(body)),
      time(() => JSON.parse(body.toString())),
      time(splice),
      time(() => {
        const parsed = JSON.parse(body.toString()) as Record<string, unknown>;
        parsed.model = 'gpt-5-mini';
        parsed.stream_options = { include_usage: true };
        return Buffer.from(JSON.stringify(parsed));
      }),
    ]);
  }
}

const CHUNK = Buffer.from(
  `data: ${JSON.stringify({
    id: 'chatcmpl-CbA1234567890abcdefghijklmnop',
    object: 'chat.completion.chunk',
    created: 1_780_000_000,
    model: 'gpt-5-mini-2026-01-01',
    service_tier: 'default',
    system_fingerprint: null,
    choices: [{ index: 0, delta: { content: ' word' }, logprobs: null, finish_reason: null }],
    usage: null,
    obfuscation: 'aB3dE',
  })}\n\n`,
);
const TEN = Buffer.concat(Array.from({ length: 10 }, () => CHUNK));
const data = CHUNK.subarray(6, -2);
const reader = OPENAI_CHAT.openStream();
const splitter = new SseSplitter();

console.log('\nmicroseconds per stream event');
line(['split', 'read', 'strip usage', 'JSON.parse']);
line([
  time(() => {
    splitter.push(TEN);
    while (splitter.next());
  }) / 10,
  time(() => reader.read(CHUNK, data)),
  time(() => reader.withoutUsage(CHUNK, data, reader.read(CHUNK, data))),
  time(() => JSON.parse(data.toString())),
]);
