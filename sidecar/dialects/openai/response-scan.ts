/**
 * One pass over a response object or a stream chunk of the OpenAI family: ranges of the members that matter, and what its
 * choices hold. Only usage and errors are ever parsed. Scans run without yielding, so one object serves the process.
 */
import type { ServiceTier } from '../../accounting/service-tier.ts';
import type { UpstreamError } from '../dialect.ts';
import { JsonScanner, lengthsOf } from '../scan/json-scanner.ts';
import { scanServiceTier } from '../service-tier.ts';
import { ChoicesScan } from './choices-scan.ts';
import { errorOf, looseError } from './upstream-error.ts';

const key = (name: string) => Buffer.from(name);
const CHOICES = key('choices');
const USAGE = key('usage');
const ERROR = key('error');
const ID = key('id');
const MODEL = key('model');
const OBJECT = key('object');
const TYPE = key('type');
const DATA = key('data');
const BASE_RESP = key('base_resp');
const X_GROQ = key('x_groq');
const SERVICE_TIER = key('service_tier');
const ERROR_WORD = key('error');
const LENGTHS = lengthsOf([
  CHOICES,
  USAGE,
  ERROR,
  ID,
  MODEL,
  OBJECT,
  TYPE,
  DATA,
  BASE_RESP,
  X_GROQ,
  SERVICE_TIER,
]);

/** In place of an end that the next member will tell. */
const COMES_FIRST = -2;

class ResponseScan {
  /** The text is not JSON, or not an object. */
  malformed = false;
  readonly choices = new ChoicesScan();
  hasChoices = false;
  /** Has `data` (embeddings). */
  hasData = false;
  usage: unknown = undefined;
  /** Where `"usage":null` stands with its comma; -1 where there is none. */
  usageNullStart = -1;
  usageNullEnd = -1;
  error: UpstreamError | undefined = undefined;
  model: string | undefined = undefined;
  id: string | undefined = undefined;
  serviceTier: ServiceTier | undefined = undefined;

  private readonly scanner = new JsonScanner();

  /** `wantNames`: also read `id` and `model`, which streams repeat in every chunk. */
  read(text: Buffer, wantNames: boolean): void {
    this.malformed = false;
    this.choices.reset();
    this.hasChoices = false;
    this.hasData = false;
    this.usage = undefined;
    this.usageNullStart = -1;
    this.error = undefined;
    this.model = undefined;
    this.id = undefined;
    this.serviceTier = undefined;
    try {
      this.walk(text, wantNames);
    } catch {
      this.malformed = true;
    } finally {
      this.scanner.release();
    }
  }

  private walk(text: Buffer, wantNames: boolean): void {
    const { scanner } = this;
    let suspicious = false;
    let groq: unknown;
    let previousEnd = -1;
    scanner.open(text, false);
    if (!scanner.atObject()) {
      scanner.value();
      scanner.close();
      this.error = errorOf(JSON.parse(text.toString()));
      this.malformed = this.error === undefined;
      return;
    }
    for (let more = scanner.enterObject(); more; more = scanner.nextMember()) {
      // It came first, so its own comma is the one behind it.
      if (this.usageNullEnd === COMES_FIRST) this.usageNullEnd = scanner.keyStart - 1;
      if (!scanner.keyMayBe(LENGTHS)) {
        scanner.value();
      } else if (scanner.keyIs(CHOICES)) {
        this.hasChoices = true;
        this.choices.read(scanner);
      } else if (scanner.keyIs(USAGE)) {
        this.readUsage(previousEnd);
      } else if (wantNames && scanner.keyIs(MODEL) && scanner.atString()) {
        scanner.string();
        this.model = scanner.stringText();
      } else if (wantNames && scanner.keyIs(ID) && scanner.atString()) {
        scanner.string();
        this.id = scanner.stringText();
      } else if (scanner.keyIs(ERROR) || scanner.keyIs(BASE_RESP)) {
        suspicious ||= !scanner.atNull();
        scanner.value();
      } else if ((scanner.keyIs(OBJECT) || scanner.keyIs(TYPE)) && scanner.atString()) {
        scanner.string();
        suspicious ||= scanner.stringIs(ERROR_WORD);
      } else if (scanner.keyIs(DATA)) {
        this.hasData = scanner.atArray();
        scanner.value();
      } else if (scanner.keyIs(X_GROQ)) {
        const start = scanner.pos;
        scanner.value();
        groq = this.parse(start);
      } else if (scanner.keyIs(SERVICE_TIER)) {
        this.serviceTier = scanServiceTier(scanner);
      } else {
        scanner.value();
      }
      previousEnd = scanner.lastEnd;
    }
    if (this.usageNullEnd === COMES_FIRST) this.usageNullEnd = previousEnd;
    const { usageStart, usageEnd } = this.choices;
    scanner.close();
    if (this.usage === undefined && usageStart >= 0) {
      this.usage = JSON.parse(text.toString('utf8', usageStart, usageEnd));
    }
    this.usage ??= (groq as { usage?: unknown } | undefined)?.usage;
    // Whatever has neither choices nor usage nor data is an error if it reads like one.
    if (suspicious) this.error = errorOf(JSON.parse(text.toString()));
    else if (!this.hasChoices && !this.hasData && this.usage === undefined) {
      this.error = looseError(JSON.parse(text.toString()));
    }
  }

  private readUsage(previousEnd: number): void {
    const { scanner } = this;
    const name = scanner.keyStart - 1;
    const isNull = scanner.atNull();
    const start = scanner.pos;
    scanner.value();
    if (!isNull) {
      this.usage = this.parse(start);
      return;
    }
    this.usageNullStart = previousEnd >= 0 ? previousEnd : name;
    this.usageNullEnd = previousEnd >= 0 ? scanner.lastEnd : COMES_FIRST;
  }

  private parse(start: number): unknown {
    return JSON.parse(this.scanner.buf.toString('utf8', start, this.scanner.lastEnd));
  }
}

const shared = new ResponseScan();

/** Valid until the next call. */
export function scanResponse(text: Buffer, wantNames: boolean): Readonly<ResponseScan> {
  shared.read(text, wantNames);
  return shared;
}
