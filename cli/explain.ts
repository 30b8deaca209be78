/** `outrider explain`: what would happen to a request, and why. The sidecar's own functions decide; this only shows. */
import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { readManifests } from '../crds/manifests.ts';
import { OutriderError } from '../errors/table.ts';
import { loadTranslation } from '../sidecar/dialects/pairing.ts';
import { type Explanation, explain } from '../sidecar/routing/explain.ts';
import { CLEAR } from '../sidecar/routing/outlook/outlook.ts';
import type { HealthView } from '../sidecar/routing/plan.ts';
import { routingState } from '../sidecar/routing/state.ts';
import { buildTable } from '../sidecar/routing/table.ts';
import { effectiveResources, effectiveText } from './explain/effective.ts';
import { type Options, parseOptions, USAGE } from './explain/options.ts';
import { factsOf } from './explain/request.ts';
import { type Subject, subjectOf } from './explain/resources.ts';
import { explanationText, refusalText } from './explain/text.ts';

const ROUTED = 0;
const REFUSED = 1;
const CANNOT_SAY = 2;

/** Nothing is known of health or keys without a sidecar. */
const ALL_WELL: HealthView = { ejection: () => undefined, hasCredential: () => true };
/** The middle of the range, so that the same request is always explained the same way. */
const MIDDLE = 0.5;

/** Refused before anything is asked of routes. */
type Unread = { refusal: NonNullable<Explanation['refusal']> };

export interface Outcome {
  code: number;
  out: string;
  err: string;
}

export async function main(args: readonly string[]): Promise<number> {
  const { code, out, err } = await run(args, Date.now());
  process.stdout.write(out);
  process.stderr.write(err);
  return code;
}

/** `now` in milliseconds since the epoch decides which dated catalogue prices hold. */
export async function run(args: readonly string[], now: number): Promise<Outcome> {
  const parsed = parseOptions(args);
  if ('help' in parsed) return { code: ROUTED, out: USAGE, err: '' };
  if ('error' in parsed) return cannotSay(`${parsed.error}\n\n${USAGE}`);
  const { options } = parsed;
  const manifests = await readManifests(options.paths);
  if (manifests.problems.length > 0) {
    const problems = manifests.problems.map(({ file, line, message }) => `${file}:${line}: ${message}`);
    return cannotSay(`${problems.join('\n')}\n`);
  }
  const subject = subjectOf(manifests, { ...options, now });
  if ('error' in subject) return cannotSay(`${subject.error}\n`);
  const effective = options.effective ? effectiveResources(subject, now) : undefined;
  if (options.request === undefined) {
    const out = options.output === 'json' ? json({ effective }) : effectiveText(effective ?? []);
    return { code: ROUTED, out, err: subject.notes.map(({ text }) => `note: ${text}\n`).join('') };
  }
  const explanation = await explainRequest(options, options.request, subject);
  if ('error' in explanation) return cannotSay(`${explanation.error}\n`);
  const code = explanation.refusal ? REFUSED : ROUTED;
  const notes = notesOn(explanation, subject);
  if (options.output === 'json') {
    return { code, out: json({ ...explanation, notes, ...(effective && { effective }) }), err: '' };
  }
  const text =
    'request' in explanation ? explanationText(explanation, notes) : refusalText(explanation.refusal);
  return { code, out: effective ? `${text}\n${effectiveText(effective)}` : text, err: '' };
}

async function explainRequest(
  options: Options,
  request: string,
  { effective }: Subject,
): Promise<Explanation | Unread | { error: string }> {
  let body: Buffer;
  try {
    body = request === '-' ? await buffer(process.stdin) : await readFile(request);
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
  try {
    const read = factsOf(options, body);
    if ('error' in read) return read;
    const { facts, shape } = read;
    await loadTranslation();
    const state = { ...routingState(), outlook: { ...CLEAR, region: options.region } };
    return explain(buildTable(effective), facts, ALL_WELL, 0, () => MIDDLE, body, state, shape);
  } catch (error) {
    if (!(error instanceof OutriderError)) throw error;
    const { code, status, message } = error;
    return { refusal: { code, status, message } };
  }
}

/** Of the route that answers and its providers; of all where none does, since the reason may be among them. */
function notesOn(explanation: Explanation | Unread, { notes }: Subject): string[] {
  if (!('request' in explanation)) return [];
  const { route, targets, refusal } = explanation;
  // Its message is the note.
  if (refusal?.code === 'route_invalid') return [];
  const about = new Set([`route/${route}`, ...targets.map(({ provider }) => provider)]);
  return notes.filter(({ itemId }) => route === undefined || about.has(itemId)).map(({ text }) => text);
}

const json = (value: object): string => `${JSON.stringify(value, undefined, 2)}\n`;
const cannotSay = (message: string): Outcome => ({
  code: CANNOT_SAY,
  out: '',
  err: `outrider explain: ${message}`,
});
