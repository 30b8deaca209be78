/**
 * Routing in real processes: the bundled sidecar, scripted providers over HTTP, load by the clock.
 *
 *   npm run bench:scenarios -- <name>    one of bench/scenarios/all.ts; without a name, a list of them; `all` for each in turn
 *
 * Exits non-zero where a bar is not met.
 */
import { loadavg } from 'node:os';
import { SCENARIOS } from './scenarios/all.ts';
import type { Scenario } from './scenarios/scenario.ts';
import { openStage } from './scenarios/stage.ts';

const [wanted] = process.argv.slice(2);
const chosen = SCENARIOS.filter(({ name }) => wanted === 'all' || name === wanted);
if (chosen.length === 0) {
  for (const { name, about } of SCENARIOS) console.log(`${name}: ${about}`);
  process.exitCode = wanted === undefined ? 0 : 2;
}
for (const scenario of chosen) if (!(await play(scenario))) process.exitCode = 1;

async function play(scenario: Scenario): Promise<boolean> {
  const { name, about } = scenario;
  const load = (): string => (loadavg()[0] ?? 0).toFixed(1);
  console.log(`${name}: ${about}\nNode ${process.version}, load average ${load()} before\n`);
  const stage = openStage();
  try {
    const figures = await scenario.run(stage);
    console.log('| measurement | figure | bar | |\n|---|---|---|---|');
    for (const { what, value, bar = '', met } of figures) {
      const verdict = met === undefined ? '' : met ? 'met' : '**not met**';
      console.log(`| ${what} | ${value} | ${bar} | ${verdict} |`);
    }
    console.log(`\nload average ${load()} after\n`);
    return figures.every(({ met }) => met !== false);
  } finally {
    await stage.close();
  }
}
