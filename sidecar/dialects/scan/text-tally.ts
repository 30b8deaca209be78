/** Counts the bytes of JSON strings by class, for token estimates: no text is decoded or copied. */
import type { TextBytes } from '../envelope.ts';
import type { JsonScanner } from './json-scanner.ts';

/** Adds the last string the scanner read. */
export function tallyString(scanner: JsonScanner, into: TextBytes): void {
  const { stringStart, stringEnd, escaped } = scanner;
  const nonAscii = scanner.countNonAscii();
  into.escaped += escaped;
  into.nonAscii += nonAscii;
  into.ascii += stringEnd - stringStart - escaped - nonAscii;
}

/** Adds the last key the scanner read. */
function tallyKey(scanner: JsonScanner, into: TextBytes): void {
  into.ascii += scanner.keyEnd - scanner.keyStart;
}

/** Steps over a value and adds every name and string in it: a schema that is rendered into the prompt. */
export function tallyValue(scanner: JsonScanner, into: TextBytes): void {
  if (scanner.atString()) {
    scanner.string();
    tallyString(scanner, into);
  } else if (scanner.atObject()) {
    for (let more = scanner.enterObject(); more; more = scanner.nextMember()) {
      tallyKey(scanner, into);
      tallyValue(scanner, into);
    }
  } else if (scanner.atArray()) {
    for (let more = scanner.enterArray(); more; more = scanner.nextElement()) tallyValue(scanner, into);
  } else {
    scanner.value();
  }
}

export function addText(into: TextBytes, from: TextBytes): void {
  into.ascii += from.ascii;
  into.nonAscii += from.nonAscii;
  into.escaped += from.escaped;
}

export function noText(): TextBytes {
  return { ascii: 0, nonAscii: 0, escaped: 0 };
}
