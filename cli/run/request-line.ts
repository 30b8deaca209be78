/** One line per request for a person to read. */
import { inputTokens, outputTokens } from '../../sidecar/accounting/usage.ts';
import type { LogRecord } from '../../sidecar/telemetry/summary.ts';

/** Such as `12:03:04 200 assistant -> shop/assistant/main -> main (gpt-5-mini) 1 try 12+34 tok $0.0001 843 ms`. */
export function requestLine(summary: LogRecord): string {
  const { attempts, tokens } = summary;
  const parts = [summary.time.slice(11, 23), String(summary.status)];
  parts.push(summary.askedModel ?? `${summary.method} ${summary.path}`);
  if (summary.route !== null) {
    parts.push('->', summary.rule === null ? summary.route : `${summary.route}/${summary.rule}`);
  }
  if (summary.target !== null) {
    parts.push('->', summary.model === null ? summary.target : `${summary.target} (${summary.model})`);
  }
  if (attempts.length > 1) parts.push(`${attempts.length} tries: ${attempts.map(tryOf).join(', ')}`);
  if (attempts.length > 0)
    parts.push(
      `${summary.estimated ? '~' : ''}${inputTokens(tokens)}+${outputTokens(tokens)} tok`,
      cost(summary),
    );
  parts.push(`${Math.round(summary.durationMs)} ms`);
  if (summary.errorCode !== null) parts.push(summary.errorCode);
  else if (summary.outcome !== 'OK') parts.push(summary.outcome);
  return parts.join(' ');
}

function tryOf({ target, result }: LogRecord['attempts'][number]): string {
  return `${target} ${result}`;
}

/** An unknown price is said to be unknown; it is never nothing. */
function cost({ costUsd, unpriced }: LogRecord): string {
  if (costUsd === null) return unpriced > 0 ? 'price unknown' : '$0';
  return `$${costUsd}${unpriced > 0 ? ' + price unknown' : ''}`;
}
