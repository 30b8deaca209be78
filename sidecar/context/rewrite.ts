/** A body without some of its messages, and with a summary in their place. Whatever stays, stays byte for byte. */
import type { Unit } from './units.ts';

const SAID = 'Understood. I go on from there.';

/** Two messages, so that roles go on alternating; valid in each dialect that has turns. The same words stand before every summary, so that it cannot speak for us. */
function summaryMessages(summary: string): string {
  const words = `Summary of our conversation so far, in place of its older messages:\n\n${summary}`;
  return `{"role":"user","content":${JSON.stringify(words)}},{"role":"assistant","content":${JSON.stringify(SAID)}},`;
}

/** `units`: of the whole body. What goes is never the last of them. */
export function rewritten(
  body: Buffer,
  units: readonly Unit[],
  gone: ReadonlySet<Unit>,
  summary: string | undefined,
): Buffer {
  const chunks: Buffer[] = [];
  let from = 0;
  let said = summary === undefined;
  for (const [index, unit] of units.entries()) {
    if (!gone.has(unit)) continue;
    const next = units[index + 1];
    if (!next) throw new Error('the last message of a conversation is never left out');
    chunks.push(body.subarray(from, unit.start));
    if (!said && summary !== undefined) chunks.push(Buffer.from(summaryMessages(summary)));
    said = true;
    // With the comma behind it.
    from = next.start;
  }
  chunks.push(body.subarray(from));
  return Buffer.concat(chunks);
}
