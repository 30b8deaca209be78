/** The bodies of `POST /v1/completions` and `POST /v1/embeddings`: a prompt that is text or token ids, one or many. */
import { OutriderError } from '../../../errors/table.ts';
import type { Envelope } from '../envelope.ts';
import { type BodyScan, MemberReaders, scanBody } from '../scan/body-scan.ts';
import type { JsonScanner } from '../scan/json-scanner.ts';
import { refuse } from '../scan/read-value.ts';
import { tallyString, tallyValue } from '../scan/text-tally.ts';
import { COMMON_MEMBERS, readCap, readChoices } from './common-members.ts';

const COMPLETIONS = new MemberReaders([
  ...COMMON_MEMBERS,
  ['prompt', (scanner, envelope) => readPrompt(scanner, envelope, 'prompt')],
  ['best_of', (scanner, envelope) => readChoices(scanner, envelope, 'best_of')],
  ['suffix', (scanner, envelope) => tallyValue(scanner, envelope.text)],
  ['max_tokens', (scanner, envelope) => void (envelope.maxOutputTokens = readCap(scanner, 'max_tokens'))],
]);

const [MODEL] = COMMON_MEMBERS;
const EMBEDDINGS = new MemberReaders([
  ...(MODEL ? [MODEL] : []),
  ['input', (scanner, envelope) => readPrompt(scanner, envelope, 'input')],
]);

export function readCompletionsRequest(body: Buffer): Envelope {
  const envelope = scanBody(body, COMPLETIONS);
  // Absent, the vendor starts from an empty document: one prompt.
  envelope.choices *= Math.max(1, envelope.prompts);
  envelope.roles = { user: 1 };
  return envelope;
}

export function readEmbeddingsRequest(body: Buffer): Envelope {
  const envelope = scanBody(body, EMBEDDINGS);
  if (!envelope.members.has('input')) {
    throw new OutriderError('missing_member', {
      member: 'input',
      expected: 'send the text to embed, or an array of texts',
    });
  }
  envelope.roles = { user: 1 };
  return envelope;
}

/** A string, an array of strings, an array of token ids, or an array of such arrays. */
function readPrompt(scanner: JsonScanner, envelope: BodyScan, member: string): void {
  if (scanner.atString()) {
    readText(scanner, envelope);
    envelope.prompts = 1;
    return;
  }
  if (scanner.atNull()) {
    scanner.value();
    return;
  }
  if (!scanner.atArray()) refuse(scanner, member, 'a string or an array');
  let ids = 0;
  for (let more = scanner.enterArray(); more; more = scanner.nextElement()) {
    if (scanner.atString()) {
      readText(scanner, envelope);
      envelope.prompts++;
    } else if (scanner.atArray()) {
      for (let id = scanner.enterArray(); id; id = scanner.nextElement()) {
        scanner.value();
        envelope.tokenIds++;
      }
      envelope.prompts++;
    } else if (scanner.atObject()) {
      tallyValue(scanner, envelope.text);
      envelope.prompts++;
    } else {
      scanner.value();
      ids++;
    }
  }
  // A flat array of ids is one prompt.
  if (ids > 0) envelope.prompts++;
  envelope.tokenIds += ids;
}

function readText(scanner: JsonScanner, envelope: BodyScan): void {
  scanner.string();
  tallyString(scanner, envelope.text);
  if (scanner.stringEnd > scanner.stringStart) {
    envelope.userText.push({ start: scanner.stringStart, end: scanner.stringEnd });
  }
}
