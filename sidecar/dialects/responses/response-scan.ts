/**
 * One pass over an event of a Responses stream, or over a whole response object: its kind, how much it delivers, and the
 * response it carries. Only usage and errors are ever parsed. Scans run without yielding, so one object serves the process.
 */
import type { ServiceTier } from '../../accounting/service-tier.ts';
import type { UpstreamError } from '../dialect.ts';
import { errorOf, looseError } from '../openai/upstream-error.ts';
import { JsonScanner } from '../scan/json-scanner.ts';
import { scanServiceTier } from '../service-tier.ts';

const key = (name: string) => Buffer.from(name);
const TYPE = key('type');
const DELTA = key('delta');
const ARGUMENTS = key('arguments');
const RESPONSE = key('response');
const ITEM = key('item');
const ID = key('id');
const MODEL = key('model');
const STATUS = key('status');
const USAGE = key('usage');
const ERROR = key('error');
const OBJECT = key('object');
const OUTPUT = key('output');
const INCOMPLETE = key('incomplete_details');
const REASON = key('reason');
const SERVICE_TIER = key('service_tier');

/** Members of output items whose strings are output. */
const OUTPUT_TEXT = ['text', 'refusal', 'arguments', 'input'].map(key);
const OUTPUT_LISTS = ['content', 'summary'].map(key);

class ResponseScan {
  malformed = false;
  /** Of an event; `response` for a whole one. */
  type: string | undefined = undefined;
  itemType: string | undefined = undefined;
  /** Bytes of `delta`, as written. */
  deltaBytes = 0;
  /** Bytes of `arguments`, as written. */
  argumentBytes = 0;
  /** Bytes of text in `output`. */
  outputBytes = 0;
  hasResponse = false;
  hasOutput = false;
  id: string | undefined = undefined;
  model: string | undefined = undefined;
  status: string | undefined = undefined;
  incomplete: string | undefined = undefined;
  serviceTier: ServiceTier | undefined = undefined;
  usage: unknown = undefined;
  error: UpstreamError | undefined = undefined;

  private readonly scanner = new JsonScanner();

  read(text: Buffer): void {
    this.malformed = false;
    this.type = undefined;
    this.itemType = undefined;
    this.deltaBytes = 0;
    this.argumentBytes = 0;
    this.outputBytes = 0;
    this.hasResponse = false;
    this.hasOutput = false;
    this.id = undefined;
    this.model = undefined;
    this.status = undefined;
    this.incomplete = undefined;
    this.serviceTier = undefined;
    this.usage = undefined;
    this.error = undefined;
    try {
      this.walk(text);
    } catch {
      this.malformed = true;
    } finally {
      this.scanner.release();
    }
  }

  private walk(text: Buffer): void {
    const { scanner } = this;
    let suspicious = false;
    scanner.open(text, false);
    if (!scanner.atObject()) {
      this.malformed = true;
      return;
    }
    for (let more = scanner.enterObject(); more; more = scanner.nextMember()) {
      if (scanner.keyIs(TYPE) && scanner.atString()) {
        scanner.string();
        this.type = scanner.stringText();
      } else if (scanner.keyIs(DELTA)) {
        this.deltaBytes = this.sizeOf();
      } else if (scanner.keyIs(ARGUMENTS)) {
        this.argumentBytes = this.sizeOf();
      } else if (scanner.keyIs(RESPONSE) && scanner.atObject()) {
        this.hasResponse = true;
        for (let member = scanner.enterObject(); member; member = scanner.nextMember()) this.readMember();
      } else if (scanner.keyIs(ITEM) && scanner.atObject()) {
        this.readItem();
      } else if (scanner.keyIs(OBJECT) && scanner.atString()) {
        scanner.string();
        this.hasResponse ||= scanner.stringIs(RESPONSE);
      } else {
        suspicious ||= scanner.keyIs(ERROR) && !scanner.atNull();
        this.readMember();
      }
    }
    scanner.close();
    if (this.type === 'error' || (suspicious && !this.hasResponse)) {
      const value: unknown = JSON.parse(text.toString());
      this.error = errorOf(value) ?? looseError(value) ?? this.error;
    } else if (this.type === undefined && !this.hasResponse && !this.hasOutput) {
      this.error ??= looseError(JSON.parse(text.toString()));
    }
  }

  /** Of a response object. */
  private readMember(): void {
    const { scanner } = this;
    if (scanner.keyIs(ID) && scanner.atString()) {
      scanner.string();
      this.id = scanner.stringText();
    } else if (scanner.keyIs(MODEL) && scanner.atString()) {
      scanner.string();
      this.model = scanner.stringText();
    } else if (scanner.keyIs(STATUS) && scanner.atString()) {
      scanner.string();
      this.status = scanner.stringText();
    } else if (scanner.keyIs(USAGE) && scanner.atObject()) {
      this.usage = this.parse();
    } else if (scanner.keyIs(ERROR) && !scanner.atNull()) {
      this.error = errorOf({ error: this.parse() });
    } else if (scanner.keyIs(SERVICE_TIER)) {
      this.serviceTier = scanServiceTier(scanner);
    } else if (scanner.keyIs(INCOMPLETE) && scanner.atObject()) {
      this.readIncomplete();
    } else if (scanner.keyIs(OUTPUT) && scanner.atArray()) {
      this.hasOutput = true;
      for (let more = scanner.enterArray(); more; more = scanner.nextElement()) this.addOutput();
    } else {
      scanner.value();
    }
  }

  private readIncomplete(): void {
    const { scanner } = this;
    for (let more = scanner.enterObject(); more; more = scanner.nextMember()) {
      const reason = scanner.keyIs(REASON) && scanner.atString();
      scanner.value();
      if (reason) this.incomplete = scanner.stringText();
    }
  }

  private readItem(): void {
    const { scanner } = this;
    for (let more = scanner.enterObject(); more; more = scanner.nextMember()) {
      const type = scanner.keyIs(TYPE) && scanner.atString();
      scanner.value();
      if (type) this.itemType = scanner.stringText();
    }
  }

  /** An item of the output, or a part of one. */
  private addOutput(): void {
    const { scanner } = this;
    if (!scanner.atObject()) {
      scanner.value();
      return;
    }
    for (let more = scanner.enterObject(); more; more = scanner.nextMember()) {
      if (scanner.atString() && OUTPUT_TEXT.some((name) => scanner.keyIs(name))) {
        this.outputBytes += this.sizeOf();
      } else if (scanner.atArray() && OUTPUT_LISTS.some((name) => scanner.keyIs(name))) {
        for (let part = scanner.enterArray(); part; part = scanner.nextElement()) this.addOutput();
      } else {
        scanner.value();
      }
    }
  }

  private sizeOf(): number {
    const { scanner } = this;
    const text = scanner.atString();
    scanner.value();
    return text ? scanner.stringEnd - scanner.stringStart : 0;
  }

  private parse(): unknown {
    const { scanner } = this;
    const start = scanner.pos;
    scanner.value();
    return JSON.parse(scanner.buf.toString('utf8', start, scanner.lastEnd));
  }
}

const shared = new ResponseScan();

/** Valid until the next call. */
export function scanResponseEvent(text: Buffer): Readonly<ResponseScan> {
  shared.read(text);
  return shared;
}
