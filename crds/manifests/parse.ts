/** The text of one file -> its documents, each with the places of its fields. */
import { constructFromEvents, EVENT_ID, type Event, parseEvents, YAMLException } from 'js-yaml';
import { locate, type Places, parentPath } from './locate.ts';
import { asValue, MANIFEST_SCHEMA } from './scalars.ts';

export interface ParsedDocument {
  value: unknown;
  /** 1-based line of a field, or of the nearest field around it that is there. */
  lineOf: (path: string) => number;
  /** Paths of fields whose unquoted name kubectl reads as true or false, such as `on`. */
  ambiguousKeys: () => readonly string[];
}

export interface SyntaxProblem {
  line: number;
  message: string;
}

/** Aliases let a small text stand for a huge value; this many values is far more than any manifest has. */
const MAX_VALUES = 200_000;

/** Documents in order, empty ones left out; none at all where one of them cannot be read. */
export function parseDocuments(text: string): { documents: ParsedDocument[]; problem?: SyntaxProblem } {
  try {
    const events = parseEvents(text, { maxDepth: 64 });
    const runs = split(events, text);
    const values = constructFromEvents(events, { source: text, schema: MANIFEST_SCHEMA });
    const lines = lineIndex(text);
    const documents = runs.map((run, i) => ({ value: asValue(values[i]), ...placer(run, text, lines) }));
    return { documents: documents.filter(({ value }) => value !== null && value !== undefined) };
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    return { documents: [], problem: { line: (error.mark?.line ?? 0) + 1, message: error.reason } };
  }
}

function placer(run: readonly Event[], text: string, lines: (offset: number) => number) {
  let found: Places | undefined;
  const places = (): Places => (found ??= locate(run, text));
  return {
    lineOf: (path: string): number => {
      for (let at: string | undefined = path; at !== undefined; at = parentPath(at)) {
        const offset = places().offsets.get(at);
        if (offset !== undefined) return lines(offset);
      }
      return 1;
    },
    ambiguousKeys: () => places().ambiguous,
  };
}

/** The events of each document. Throws YAMLException where aliases make it larger than any manifest. */
function split(events: readonly Event[], text: string): Event[][] {
  const runs: Event[][] = [];
  let run: Event[] = [];
  let sizes = new Map<string, number>();
  /** Open collections of the document, the document itself first: values in it so far, and the anchor it is known by. */
  let open: { size: number; anchor: string | undefined }[] = [];
  const add = (size: number, at: number): void => {
    const parent = open.at(-1);
    if (!parent) return;
    parent.size += size;
    if (parent.size > MAX_VALUES)
      YAMLException.throwAt(text, at, `aliases expand to over ${MAX_VALUES} values`);
  };
  for (const event of events) {
    if (event.type === EVENT_ID.DOCUMENT) {
      run = [];
      runs.push(run);
      sizes = new Map();
      open = [{ size: 0, anchor: undefined }];
      continue;
    }
    if (event.type === EVENT_ID.POP) {
      const closed = open.pop();
      if (closed && open.length > 0) {
        if (closed.anchor !== undefined) sizes.set(closed.anchor, closed.size);
        add(closed.size, 0);
        run.push(event);
      }
      continue;
    }
    run.push(event);
    const anchor = event.anchorStart < 0 ? undefined : text.slice(event.anchorStart, event.anchorEnd);
    if (event.type === EVENT_ID.ALIAS) {
      const at = event.anchorStart;
      const inside = open.some((collection) => collection.anchor === anchor);
      if (inside) YAMLException.throwAt(text, at, `alias "${anchor}" stands inside what it stands for`);
      add(sizes.get(anchor as string) ?? 1, at);
    } else if (event.type === EVENT_ID.SCALAR) {
      if (anchor !== undefined) sizes.set(anchor, 1);
      add(1, Math.max(0, event.valueStart));
    } else {
      open.push({ size: 1, anchor });
    }
  }
  return runs;
}

/** Offset -> 1-based line. The starts of lines are found on first use. */
function lineIndex(text: string): (offset: number) => number {
  let starts: number[] | undefined;
  return (offset) => {
    if (!starts) {
      starts = [0];
      for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
    }
    let low = 0;
    let high = starts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((starts[middle] as number) <= offset) low = middle;
      else high = middle;
    }
    return low + 1;
  };
}
