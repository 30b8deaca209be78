/**
 * One pass over a message or an event of its stream: the few members that matter, by position. Only usage and errors are
 * ever parsed. Scans run without yielding, so one object serves the process; results are valid until the next scan.
 */
import type { UpstreamError } from '../dialect.ts';
import { JsonScanner, lengthsOf } from '../scan/json-scanner.ts';
import { errorOf } from './upstream-error.ts';

const key = (name: string) => Buffer.from(name);
const TYPE = key('type');
const MESSAGE = key('message');
const CONTENT = key('content');
const BLOCK = key('content_block');
const DELTA = key('delta');
const USAGE = key('usage');
const ERROR = key('error');
const ID = key('id');
const MODEL = key('model');
const STOP_REASON = key('stop_reason');
const LENGTHS = lengthsOf([TYPE, MESSAGE, CONTENT, BLOCK, DELTA, USAGE, ERROR, ID, MODEL, STOP_REASON]);
const TEXT = key('text');
/** Members of a block or a delta that hold output; of some of them no text of the model, but seals and ciphers. */
const OUTPUT = [
  { name: 'text', sealed: false },
  { name: 'thinking', sealed: false },
  { name: 'partial_json', sealed: false },
  { name: 'signature', sealed: true },
  { name: 'citation', sealed: true },
  { name: 'data', sealed: true },
  { name: 'name', sealed: false },
  { name: 'input', sealed: false },
] as const;
type OutputName = (typeof OUTPUT)[number]['name'];
const OUTPUTS = OUTPUT.map((output) => ({ ...output, bytes: key(output.name) }));

const TYPES = [
  'content_block_delta',
  'content_block_start',
  'content_block_stop',
  'message_start',
  'message_delta',
  'message_stop',
  'message',
  'ping',
  'error',
] as const;
export type AnswerType = (typeof TYPES)[number];
const WORDS = TYPES.map((name) => ({ name, bytes: key(name) }));

class AnswerScan {
  /** The text is not JSON, or not an object. */
  malformed = false;
  type: AnswerType | undefined = undefined;
  id: string | undefined = undefined;
  model: string | undefined = undefined;
  stopReason: string | undefined = undefined;
  usage: unknown = undefined;
  error: UpstreamError | undefined = undefined;
  /** Has `content`. */
  hasContent = false;
  /** Blocks that are no text were seen, or text that is not empty. */
  delivers = false;
  /** Bytes of output text, as written. */
  bytes = 0;
  /** The last string of output: which member it is, where it stands inside its quotes, and whether it holds escapes. */
  piece: OutputName | undefined = undefined;
  pieceStart = 0;
  pieceEnd = 0;
  pieceEscaped = false;

  private readonly scanner = new JsonScanner();

  read(text: Buffer): void {
    this.malformed = false;
    this.type = undefined;
    this.id = undefined;
    this.model = undefined;
    this.stopReason = undefined;
    this.usage = undefined;
    this.error = undefined;
    this.hasContent = false;
    this.delivers = false;
    this.bytes = 0;
    this.piece = undefined;
    const { scanner } = this;
    let suspicious = false;
    try {
      scanner.open(text, false);
      if (scanner.atObject()) {
        suspicious = this.members(0);
      } else {
        scanner.value();
        suspicious = true;
      }
      scanner.close();
      if (suspicious) this.error = errorOf(JSON.parse(text.toString()));
      this.malformed = this.type === undefined && suspicious && this.error === undefined;
    } catch {
      this.malformed = true;
    } finally {
      scanner.release();
    }
  }

  /** Of the answer, or of the `message` in an event. True: it may be an error. */
  private members(depth: number): boolean {
    const { scanner } = this;
    let suspicious = false;
    for (let more = scanner.enterObject(); more; more = scanner.nextMember()) {
      if (!scanner.keyMayBe(LENGTHS)) {
        scanner.value();
      } else if (scanner.keyIs(TYPE) && scanner.atString()) {
        scanner.string();
        if (depth === 0) this.readType();
      } else if (scanner.keyIs(DELTA) && scanner.atObject()) {
        this.block();
      } else if (scanner.keyIs(BLOCK) && scanner.atObject()) {
        this.block();
      } else if (scanner.keyIs(USAGE) && scanner.atObject()) {
        const start = scanner.pos;
        scanner.value();
        this.usage = JSON.parse(scanner.buf.toString('utf8', start, scanner.lastEnd));
      } else if (scanner.keyIs(MESSAGE) && scanner.atObject() && depth === 0) {
        this.members(1);
      } else if (scanner.keyIs(CONTENT) && scanner.atArray()) {
        this.hasContent = true;
        for (let block = scanner.enterArray(); block; block = scanner.nextElement()) {
          if (scanner.atObject()) this.block();
          else scanner.value();
        }
      } else if (scanner.keyIs(ID) && scanner.atString()) {
        scanner.string();
        this.id = scanner.stringText();
      } else if (scanner.keyIs(MODEL) && scanner.atString()) {
        scanner.string();
        this.model = scanner.stringText();
      } else if (scanner.keyIs(STOP_REASON)) {
        this.readStopReason();
      } else {
        suspicious ||= scanner.keyIs(ERROR) && !scanner.atNull();
        scanner.value();
      }
    }
    return suspicious || this.type === 'error';
  }

  private readType(): void {
    const { scanner } = this;
    for (const { name, bytes } of WORDS) {
      if (scanner.stringIs(bytes)) {
        this.type = name;
        return;
      }
    }
  }

  private readStopReason(): void {
    const { scanner } = this;
    const text = scanner.atString();
    scanner.value();
    if (text && scanner.stringEnd > scanner.stringStart) this.stopReason = scanner.stringText();
  }

  /** A content block, whole or begun, or a delta of one or of the message. */
  private block(): void {
    const { scanner } = this;
    let silent = false;
    for (let more = scanner.enterObject(); more; more = scanner.nextMember()) {
      if (scanner.keyIs(STOP_REASON)) {
        this.readStopReason();
        silent = true;
      } else if (scanner.keyIs(TYPE) && scanner.atString()) {
        scanner.string();
        // A text block opens empty; every other kind says by its being there that the model does something.
        if (scanner.stringIs(TEXT)) silent = true;
      } else {
        const output = outputOf(scanner);
        if (output === undefined) {
          scanner.value();
          continue;
        }
        const before = this.bytes;
        const text = scanner.atString();
        this.count(output.sealed);
        if (this.bytes > before) this.delivers = true;
        if (text) this.keep(output.name);
      }
    }
    if (!silent) this.delivers = true;
  }

  private keep(name: OutputName): void {
    const { scanner } = this;
    this.piece = name;
    this.pieceStart = scanner.stringStart;
    this.pieceEnd = scanner.stringEnd;
    this.pieceEscaped = scanner.escaped > 0;
  }

  /** Every string in a value. */
  private count(sealed: boolean): void {
    const { scanner } = this;
    if (scanner.atString()) {
      scanner.string();
      if (!sealed) this.bytes += scanner.stringEnd - scanner.stringStart;
    } else if (scanner.atObject()) {
      for (let more = scanner.enterObject(); more; more = scanner.nextMember()) this.count(sealed);
    } else if (scanner.atArray()) {
      for (let more = scanner.enterArray(); more; more = scanner.nextElement()) this.count(sealed);
    } else {
      scanner.value();
    }
  }
}

function outputOf(scanner: JsonScanner): (typeof OUTPUTS)[number] | undefined {
  for (const output of OUTPUTS) if (scanner.keyIs(output.bytes)) return output;
  return undefined;
}

const shared = new AnswerScan();

/** Valid until the next call. */
export function scanAnswer(text: Buffer): Readonly<AnswerScan> {
  shared.read(text);
  return shared;
}
