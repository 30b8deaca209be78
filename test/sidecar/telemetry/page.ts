/** Reads `/metrics` back, strictly enough to notice a line that Prometheus would refuse. */

export interface Line {
  name: string;
  labels: Record<string, string>;
  value: number;
}

const LINE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/y;

export function readPage(text: string): Line[] {
  const lines: Line[] = [];
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const match = LINE.exec(line);
    if (!match) throw new Error(`not a sample: ${line}`);
    const labels: Record<string, string> = {};
    const body = match[2] ?? '';
    LABEL.lastIndex = 0;
    while (LABEL.lastIndex < body.length) {
      const label = LABEL.exec(body);
      if (!label) throw new Error(`not labels: ${line}`);
      labels[label[1] as string] = label[2] as string;
    }
    lines.push({ name: match[1] as string, labels, value: Number(match[3]) });
  }
  const keys = lines.map(({ name, labels }) => JSON.stringify([name, labels]));
  if (new Set(keys).size !== keys.length) throw new Error('a series is there twice');
  return lines;
}

/** Sum over the series of a metric whose labels agree with `labels`. */
export function sum(lines: Line[], name: string, labels: Record<string, string> = {}): number {
  return lines
    .filter(
      (line) =>
        line.name === name && Object.entries(labels).every(([key, value]) => line.labels[key] === value),
    )
    .reduce((total, { value }) => total + value, 0);
}
