/** Findings of `outrider validate` as text, one line each, or as one JSON document. */
import type { Finding } from './judge.ts';

const MAX_VALUE = 80;

/** `file:line: spec.rules[0].targets[0].weight: value -1: must be a whole number from 0 to 1000000` */
function findingLine(finding: Finding): string {
  const { file, line, severity, path, source, kind, namespace, name, message } = finding;
  const parts = [line > 0 ? `${file}:${line}` : file];
  if (severity === 'Warning') parts.push('warning');
  if (source === 'Verdict') parts.push(`${kind} ${namespace}/${name}`);
  if (path !== '') parts.push(path);
  const value = valueText(finding.value);
  if (value !== undefined && !message.startsWith('unknown field')) parts.push(`value ${value}`);
  return `${[...parts, message].join(': ')}\n`;
}

export function textReport(findings: readonly Finding[], objects: number): string {
  const lines = findings.map(findingLine).join('');
  const problems = findings.filter(({ severity }) => severity === 'Problem').length;
  const warnings = findings.length - problems;
  const counts = [count(objects, 'object'), count(problems, 'problem')];
  if (warnings > 0) counts.push(count(warnings, 'warning'));
  return `${lines}${counts.join(', ')}\n`;
}

export function jsonReport(findings: readonly Finding[], objects: number): string {
  const valid = findings.every(({ severity }) => severity !== 'Problem');
  return `${JSON.stringify({ valid, objects, findings }, null, 2)}\n`;
}

/** Scalars only: a whole object would say less than the sentence that follows it. */
function valueText(value: unknown): string | undefined {
  const scalar = value === null || ['string', 'number', 'boolean'].includes(typeof value);
  if (!scalar) return undefined;
  const text = JSON.stringify(value);
  return text.length > MAX_VALUE ? `${text.slice(0, MAX_VALUE)}…` : text;
}

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;
