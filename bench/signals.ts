/**
 * Time of each signal that needs no model: for prompts as people write them, and for text that is as long as is read, code and
 * hostile text among it; and the time that training on examples takes. `node bench/signals.ts` prints microseconds of CPU.
 */
import { readFileSync } from 'node:fs';
import { readClaims } from '../sidecar/signals/claims.ts';
import { readContent } from '../sidecar/signals/content.ts';
import { readDifficulty } from '../sidecar/signals/difficulty.ts';
import { detectLanguage } from '../sidecar/signals/language/detect.ts';
import { trainLexical } from '../sidecar/signals/lexical/classifier.ts';
import { sampleTexts } from '../sidecar/signals/sample.ts';

const prompts = readFileSync(
  new URL('../examples/cost-tiers/prompts/development.jsonl', import.meta.url),
  'utf8',
)
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as { tier: string; prompt: string });
const tiers = [...new Set(prompts.map(({ tier }) => tier))];
const examples = (count: number) =>
  tiers.map((name, i) => ({
    name,
    examples: prompts
      .filter((one) => one.tier === name)
      .map(({ prompt }) => prompt)
      .slice(i, i + count),
  }));

const LONGEST = 32 * 1024;
const filled = (text: string): string => text.repeat(Math.ceil(LONGEST / text.length)).slice(0, LONGEST);
const TEXTS: Record<string, string[]> = {
  prompts: prompts.map(({ prompt }) => prompt),
  '32 KiB of prose': [filled('The quick brown fox jumps over the lazy dog, and nobody knows why it does. ')],
  '32 KiB of code': [filled('  const total = items.map((item) => item.price * 2).reduce(add, 0); // sum\n')],
  '32 KiB of Chinese': [filled('请总结这份报告，并告诉我你的看法。').slice(0, LONGEST / 3)],
  '32 KiB of line breaks': ['\n'.repeat(LONGEST)],
  '32 KiB of one letter': ['a'.repeat(LONGEST)],
  '32 KiB of brackets': [filled('({[a_b(')],
};
const TURN = { turns: 1, tools: false };
const EMPTY = { code: 0, math: 0 };
const classifier = trainLexical(examples(40));
const TOKEN = `Bearer a.${Buffer.from(JSON.stringify({ sub: 'u', realm: { tier: 'gold' } })).toString('base64url')}.c`;

const SIGNALS: Record<string, (text: string) => unknown> = {
  sample: (text) => sampleTexts([text]),
  content: readContent,
  difficulty: (text) => readDifficulty(text, EMPTY, TURN),
  language: detectLanguage,
  intents: (text) => classifier.classify(text),
};

/** Median microseconds of one call. */
function timeOf(texts: readonly string[], call: (text: string) => unknown): number {
  const rounds = texts.length > 1 ? 20 : 40;
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const began = process.cpuUsage();
    for (const text of texts) call(text);
    const { user, system } = process.cpuUsage(began);
    times.push((user + system) / texts.length);
  }
  return times.sort((a, b) => a - b)[rounds >> 1] ?? 0;
}

console.log(`| µs of CPU | ${Object.keys(SIGNALS).join(' | ')} |`);
console.log(`|---|${'---|'.repeat(Object.keys(SIGNALS).length)}`);
for (const [name, texts] of Object.entries(TEXTS)) {
  const cells = Object.values(SIGNALS).map((call) => timeOf(texts, call).toFixed(1));
  console.log(`| ${name} | ${cells.join(' | ')} |`);
}
console.log(
  `\nclaims of a JWT: ${timeOf(Array(200).fill(TOKEN) as string[], (text) => readClaims(text, 'JWT')).toFixed(1)} µs`,
);

const many = Array.from({ length: 16 }, (_, i) => ({
  name: `i${i}`,
  examples: Array.from(
    { length: 128 },
    (_, n) => `${prompts[(i * 7 + n) % prompts.length]?.prompt.slice(0, 110)} ${i} ${n}`,
  ),
}));
for (const [what, intents] of [
  ['3 intents of 40 examples', examples(40)],
  ['16 intents of 128 examples', many],
] as const) {
  const began = process.cpuUsage();
  trainLexical(intents);
  const { user, system } = process.cpuUsage(began);
  console.log(`training on ${what}: ${((user + system) / 1000).toFixed(0)} ms`);
}
