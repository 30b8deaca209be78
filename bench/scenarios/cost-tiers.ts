/** The prompts of examples/cost-tiers through its own manifests: where each goes, and what the sidecar settles for it. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { subjectOf } from '../../cli/explain/resources.ts';
import { parseManifests } from '../../crds/manifests.ts';
import type { Snapshot } from '../../sidecar/snapshot/schema.ts';
import { type Figure, percent, type RunningSidecar, type Scenario } from './scenario.ts';

const FOLDER = new URL('../../examples/cost-tiers/', import.meta.url);
const PER_SECOND = 30;
/** Of a request with 100 tokens in and 50 out at the top model, in US dollars. */
const TOP_USD = 0.00375;
/** The tier that each target serves. */
const TIERS: Record<string, string> = { small: 'basic', middle: 'general', top: 'complex' };

interface Prompt {
  tier: string;
  prompt: string;
}

export const COST_TIERS: Scenario = {
  name: 'cost-tiers',
  about:
    '20 % complex, 50 % general and 30 % basic prompts over three models: tiers that were hit, and spend',
  async run(stage): Promise<Figure[]> {
    const { urls } = await stage.providers({ tiers: { firstTokenMs: 5, tokenMs: 0, tokens: 50 } });
    const sidecar = await stage.sidecar(itemsFor(urls['tiers'] ?? ''));
    const prompts = readFileSync(new URL('prompts/evaluation.jsonl', FOLDER), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Prompt);
    const samples = await sidecar.drive({
      model: 'assistant',
      stream: false,
      perSecond: PER_SECOND,
      durationMs: (1000 * prompts.length) / PER_SECOND,
      body: (index) => ({ messages: [{ role: 'user', content: prompts[index]?.prompt ?? '' }] }),
    });
    const failed = samples.filter(({ whole }) => !whole).length;
    const right = samples.filter(({ target }, i) => TIERS[target ?? ''] === prompts[i]?.tier).length;
    const spent = await spendOf(sidecar);
    const saved = 1 - spent / (TOP_USD * prompts.length);
    const hit = right / prompts.length;
    return [
      { what: 'requests that failed', value: `${failed} of ${samples.length}`, bar: '0', met: failed === 0 },
      { what: 'prompts in their tier', value: percent(hit), bar: '>= 95 %', met: hit >= 0.95 },
      { what: 'settled, of everything', value: `$${spent.toFixed(6)}` },
      { what: 'everything at the top model', value: `$${(TOP_USD * prompts.length).toFixed(6)}` },
      { what: 'saved', value: percent(saved), bar: '>= 75 %', met: saved >= 0.75 },
    ];
  },
};

/** The example compiled, with its provider at `url`. */
function itemsFor(url: string): Snapshot['items'] {
  const parsed = ['provider.yaml', 'route.yaml'].map((name) => {
    const file = new URL(name, FOLDER);
    return parseManifests(
      readFileSync(file, 'utf8').replace('https://llm.example.com/v1', url),
      fileURLToPath(file),
    );
  });
  const manifests = {
    objects: parsed.flatMap(({ objects }) => objects),
    problems: parsed.flatMap(({ problems }) => problems),
  };
  const subject = subjectOf(manifests, { namespace: 'demo', labels: {}, platformNamespaces: [], now: 0 });
  if ('error' in subject) throw new Error(subject.error);
  return subject.snapshot.items;
}

/** US dollars: the sum over all series of the sidecar's own counter. */
async function spendOf({ adminPort }: RunningSidecar): Promise<number> {
  const page = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
  const lines = page.split('\n').filter((line) => line.startsWith('outrider_cost_usd_total{'));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}
