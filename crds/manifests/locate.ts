/** Where in the text the fields of a YAML document stand. Built from parser events only when a place is asked for. */
import { EVENT_ID, type Event, getScalarValue, SCALAR_STYLE } from 'js-yaml';
import { formatPath, type PathPart } from '../problem.ts';
import { ambiguousKey } from './yes-no.ts';

export interface Places {
  /** Offsets into the text by path (`spec.rules[0].name`): of a member its key, of an entry of a list its first character. */
  offsets: ReadonlyMap<string, number>;
  /** Paths of members whose unquoted name kubectl reads as true or false. */
  ambiguous: readonly string[];
}

/** `events` are those of one document, without the opening and closing of the document itself. */
export function locate(events: readonly Event[], source: string): Places {
  const offsets = new Map<string, number>();
  const ambiguous: string[] = [];
  let next = 0;

  /** Consumes one node, and whatever it holds. */
  const node = (path: PathPart[], at: number | undefined): void => {
    const event = events[next] as Event;
    next += 1;
    const start = at ?? startOf(event);
    if (start !== undefined) offsets.set(formatPath(path), start);
    if (event.type === EVENT_ID.SEQUENCE) {
      for (let i = 0; more(); i++) node([...path, i], undefined);
      next += 1;
    } else if (event.type === EVENT_ID.MAPPING) {
      while (more()) member(path);
      next += 1;
    }
  };
  const member = (path: PathPart[]): void => {
    const key = events[next] as Event;
    if (key.type === EVENT_ID.SCALAR && key.valueStart >= 0) {
      next += 1;
      const name = getScalarValue(source, key);
      if (key.style === SCALAR_STYLE.PLAIN && ambiguousKey(name)) ambiguous.push(formatPath([...path, name]));
      node([...path, name], key.valueStart);
    } else {
      // A key that is no plain scalar: reading the document has refused it, or it is an alias, which has no place.
      node([...path, ''], undefined);
      node([...path, ''], undefined);
    }
  };
  const more = (): boolean => next < events.length && events[next]?.type !== EVENT_ID.POP;

  if (events.length > 0) node([], undefined);
  return { offsets, ambiguous };
}

function startOf(event: Event): number | undefined {
  switch (event.type) {
    case EVENT_ID.SCALAR:
      return event.valueStart < 0 ? undefined : event.valueStart;
    case EVENT_ID.MAPPING:
    case EVENT_ID.SEQUENCE:
      return event.start;
    case EVENT_ID.ALIAS:
      return event.anchorStart;
    default:
      return undefined;
  }
}

/** The path without its last part; undefined for the whole. */
export function parentPath(path: string): string | undefined {
  if (path === '') return undefined;
  return path.replace(/(?:^|\.)[\w-]+$|\[(?:\d+|"(?:[^"\\]|\\.)*")\]$/, '');
}
