/** W3C Trace Context, level 1 and 2: what a caller says of the trace it belongs to. Anything malformed counts as nothing. */
import type { IncomingMessage } from 'node:http';
import { headerValue } from '../http1/header-value.ts';

export interface TraceParent {
  /** 32 and 16 lower-case hex digits, not all zero. */
  traceId: string;
  spanId: string;
  sampled: boolean;
  /** Valid `tracestate`; empty when there is none. */
  state: string;
}

const PARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const ZERO_TRACE = '0'.repeat(32);
const ZERO_SPAN = '0'.repeat(16);
const LONGEST_PARENT = 512;

/** What the caller of a request says. The object of all its headers is only made where there is something to read in it. */
export function parentOf(req: Pick<IncomingMessage, 'headers' | 'rawHeaders'>): TraceParent | undefined {
  if (headerValue(req.rawHeaders, 'traceparent') === undefined) return undefined;
  const { traceparent, tracestate } = req.headers;
  return readTraceParent(traceparent, tracestate);
}

/** `parent` and `state` are the header values as Node gives them, several joined by `, `. */
export function readTraceParent(
  parent: string | string[] | undefined,
  state: string | string[] | undefined,
): TraceParent | undefined {
  if (typeof parent !== 'string' || parent.length > LONGEST_PARENT) return undefined;
  const match = PARENT.exec(parent);
  if (!match) return undefined;
  const [, version, traceId, spanId, flags, more] = match as unknown as string[];
  // Later versions may append fields; ours must not have any.
  if (version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  if (traceId === ZERO_TRACE || spanId === ZERO_SPAN) return undefined;
  return {
    traceId: traceId as string,
    spanId: spanId as string,
    sampled: (Number.parseInt(flags as string, 16) & 1) === 1,
    state: readTraceState(state),
  };
}

const MEMBER =
  /^[a-z0-9][a-z0-9_\-*/@]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;
const MOST_MEMBERS = 32;
const LONGEST_STATE = 4096;

/** The list with its optional white space removed; empty where any member is malformed or named twice. */
function readTraceState(state: string | string[] | undefined): string {
  const text = Array.isArray(state) ? state.join(',') : state;
  if (text === undefined || text.length > LONGEST_STATE) return '';
  const members: string[] = [];
  const keys = new Set<string>();
  for (const part of text.split(',')) {
    const member = part.replace(/^[ \t]+|[ \t]+$/g, '');
    if (member === '') continue;
    if (!MEMBER.test(member)) return '';
    keys.add(member.slice(0, member.indexOf('=')));
    members.push(member);
  }
  if (members.length > MOST_MEMBERS || keys.size !== members.length) return '';
  return members.join(',');
}
