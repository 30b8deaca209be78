/**
 * A text of several YAML or JSON documents, cut so that those nobody changes can be put back byte for byte, and the comments
 * before one that is changed stay where they are.
 */
import { dump } from 'js-yaml';
import { parseDocuments } from '../../crds/manifests/parse.ts';

export interface Document {
  /** Exactly as it stands, with the line that separates it from the one before. */
  text: string;
  /** Undefined where there is nothing but comments. */
  value: unknown;
}

/** Something that cannot be read; 1-based line. */
export interface Unreadable {
  line: number;
  message: string;
}

/** A line that begins with `---` separates documents wherever it stands (YAML 1.2 §9.1.2). */
const SEPARATOR = /^---(?=[ \t\r\n]|$)/m;

export function cutDocuments(text: string): { documents: Document[] } | { problem: Unreadable } {
  const documents: Document[] = [];
  let line = 0;
  for (const part of split(text)) {
    const { documents: found, problem } = parseDocuments(part);
    if (problem) return { problem: { line: line + problem.line, message: problem.message } };
    if (found.length > 1)
      return { problem: { line: line + 1, message: 'documents must be separated by ---' } };
    documents.push({ text: part, value: found[0]?.value });
    line += part.split('\n').length - 1;
  }
  return { documents };
}

function split(text: string): string[] {
  const parts: string[] = [];
  let rest = text;
  for (;;) {
    // Not at its own beginning, where the separator belongs to this part.
    const at = rest.slice(1).search(SEPARATOR) + 1;
    if (at === 0) break;
    parts.push(rest.slice(0, at));
    rest = rest.slice(at);
  }
  return [...parts, rest].filter((part) => part !== '');
}

/** The same document with another value. */
export function rewritten({ text }: Document, value: unknown): string {
  const separator = /^---[ \t]*\r?\n/.exec(text)?.[0] ?? (text.startsWith('---') ? '---\n' : '');
  const body = text.startsWith('---') ? text.slice(separator.length || 3) : text;
  const comments = /^(?:[ \t]*(?:#.*)?\r?\n)*/.exec(body)?.[0] ?? '';
  if (body.slice(comments.length).startsWith('{')) {
    return `${separator}${comments}${JSON.stringify(value, null, 2)}\n`;
  }
  return `${separator}${comments}${dump(value, { noRefs: true, lineWidth: -1 })}`;
}
