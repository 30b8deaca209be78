/** The body of `POST /v1/rerank`, as Cohere, Jina and the servers that imitate them take it: a query, and texts to put in order. */
import { OutriderError } from '../../../errors/table.ts';
import type { Envelope } from '../envelope.ts';
import { type BodyScan, MemberReaders, scanBody } from '../scan/body-scan.ts';
import type { JsonScanner } from '../scan/json-scanner.ts';
import { readInteger, readName, refuse } from '../scan/read-value.ts';
import { tallyString, tallyValue } from '../scan/text-tally.ts';

const READERS = new MemberReaders([
  ['model', (scanner, envelope) => void (envelope.model = readName(scanner, 'model'))],
  ['query', readQuery],
  ['documents', readDocuments],
  ['top_n', (scanner) => readAtLeastOne(scanner, 'top_n')],
  ['max_tokens_per_doc', (scanner) => readAtLeastOne(scanner, 'max_tokens_per_doc')],
]);

export function readRerankRequest(body: Buffer): Envelope {
  const envelope = scanBody(body, READERS);
  if (!envelope.members.has('query')) {
    throw new OutriderError('missing_member', {
      member: 'query',
      expected: 'send the text to rank documents by',
    });
  }
  if (!envelope.members.has('documents')) {
    throw new OutriderError('missing_member', {
      member: 'documents',
      expected: 'send an array of texts to rank',
    });
  }
  envelope.roles = { user: 1 };
  return envelope;
}

/** A text; some models take an image, as an object. */
function readQuery(scanner: JsonScanner, envelope: BodyScan): void {
  if (scanner.atObject()) {
    tallyValue(scanner, envelope.text);
    return;
  }
  if (!scanner.atString()) refuse(scanner, 'query', 'a string');
  scanner.string();
  tallyString(scanner, envelope.text);
  if (scanner.stringEnd > scanner.stringStart) {
    envelope.userText.push({ start: scanner.stringStart, end: scanner.stringEnd });
  }
}

/** Texts, or objects with texts in them. */
function readDocuments(scanner: JsonScanner, envelope: BodyScan): void {
  if (!scanner.atArray()) refuse(scanner, 'documents', 'an array');
  for (let more = scanner.enterArray(); more; more = scanner.nextElement()) {
    if (scanner.atString()) {
      scanner.string();
      tallyString(scanner, envelope.text);
    } else if (scanner.atObject()) {
      tallyValue(scanner, envelope.text);
    } else {
      refuse(scanner, 'documents[]', 'a string or an object');
    }
    envelope.prompts++;
  }
}

function readAtLeastOne(scanner: JsonScanner, member: string): void {
  const start = scanner.pos;
  const value = readInteger(scanner, member);
  if (value !== undefined && value < 1) {
    scanner.pos = start;
    refuse(scanner, member, 'at least 1');
  }
}
