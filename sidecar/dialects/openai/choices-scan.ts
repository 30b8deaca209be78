/**
 * Looks through the `choices` of a response, whole (`message`, `text`) or streamed (`delta`): what was delivered, and how it
 * ended. One scanner object per process reads all of them; results are valid until the next scan.
 */
import type { JsonScanner } from '../scan/json-scanner.ts';
import { isFailureReason } from './finish-reason.ts';

const key = (name: string) => Buffer.from(name);
const INDEX = key('index');
const DELTA = key('delta');
const MESSAGE = key('message');
const TEXT = key('text');
const FINISH_REASON = key('finish_reason');
const USAGE = key('usage');
const ROLE = key('role');
const CONTENT = key('content');
const REFUSAL = key('refusal');
const TOOL_CALLS = key('tool_calls');
const FUNCTION_CALL = key('function_call');
const FUNCTION = key('function');
const AUDIO = key('audio');
const TRANSCRIPT = key('transcript');
const ID = key('id');
const NAME = key('name');
const TYPE = key('type');
const ARGUMENTS = key('arguments');
/** Names under which vendors stream reasoning. */
const REASONING = [key('reasoning_content'), key('reasoning'), key('reasoning_details'), key('thinking')];

export class ChoicesScan {
  count = 0;
  /** Bytes of output text, as written. */
  bytes = 0;
  /** Where the last text lies that was counted; nothing else depends on what it says. */
  textStart = -1;
  textEnd = -1;
  /** Something a caller would see: content, refusal, reasoning, audio, a tool call. */
  delivers = false;
  /** Per choice that finished in this piece. */
  finishes: { index: number; reason: string }[] = [];
  /** Finish reason that stands for a failure. */
  failure: string | undefined = undefined;
  /** Largest index seen. */
  maxIndex = -1;
  /** Range of a `usage` object inside a choice. */
  usageStart = -1;
  usageEnd = -1;

  reset(): void {
    this.count = 0;
    this.bytes = 0;
    this.textStart = -1;
    this.delivers = false;
    if (this.finishes.length > 0) this.finishes = [];
    this.failure = undefined;
    this.maxIndex = -1;
    this.usageStart = -1;
  }

  /** Cursor on the value of `choices`. */
  read(scanner: JsonScanner): void {
    if (!scanner.atArray()) {
      scanner.value();
      return;
    }
    for (let more = scanner.enterArray(); more; more = scanner.nextElement()) {
      this.count++;
      if (scanner.atObject()) this.readChoice(scanner);
      else scanner.value();
    }
  }

  private readChoice(scanner: JsonScanner): void {
    let index = 0;
    let reason: string | undefined;
    for (let more = scanner.enterObject(); more; more = scanner.nextMember()) {
      if (scanner.keyIs(DELTA) || scanner.keyIs(MESSAGE)) {
        if (scanner.atObject()) this.readMessage(scanner);
        else scanner.value();
      } else if (scanner.keyIs(FINISH_REASON)) {
        const string = scanner.atString();
        scanner.value();
        // Some servers send an empty string where others send null.
        if (string && scanner.stringEnd > scanner.stringStart) reason = scanner.stringText();
      } else if (scanner.keyIs(INDEX)) {
        index = readIndex(scanner);
      } else if (scanner.keyIs(TEXT)) {
        this.deliver(scanner);
      } else if (scanner.keyIs(USAGE)) {
        const start = scanner.pos;
        const object = scanner.atObject();
        scanner.value();
        if (object) {
          this.usageStart = start;
          this.usageEnd = scanner.lastEnd;
        }
      } else {
        scanner.value();
      }
    }
    if (index > this.maxIndex) this.maxIndex = index;
    if (reason === undefined) return;
    this.finishes.push({ index, reason });
    if (isFailureReason(reason)) this.failure = reason;
  }

  private readMessage(scanner: JsonScanner): void {
    for (let more = scanner.enterObject(); more; more = scanner.nextMember()) {
      if (scanner.keyIs(CONTENT) || scanner.keyIs(REFUSAL)) this.deliver(scanner);
      else if (scanner.keyIs(ROLE)) scanner.value();
      else if (scanner.keyIs(TOOL_CALLS)) this.readToolCalls(scanner);
      else if (scanner.keyIs(FUNCTION_CALL)) this.readCall(scanner);
      else if (scanner.keyIs(AUDIO)) this.readAudio(scanner);
      else if (isReasoning(scanner)) this.deliver(scanner);
      else scanner.value();
    }
  }

  /** Its bytes are base64; only the transcript is text. */
  private readAudio(scanner: JsonScanner): void {
    if (!scanner.atObject()) {
      scanner.value();
      return;
    }
    for (let more = scanner.enterObject(); more; more = scanner.nextMember()) {
      this.delivers = true;
      if (scanner.keyIs(TRANSCRIPT)) this.deliver(scanner);
      else scanner.value();
    }
  }

  private readToolCalls(scanner: JsonScanner): void {
    if (!scanner.atArray()) {
      scanner.value();
      return;
    }
    for (let more = scanner.enterArray(); more; more = scanner.nextElement()) this.readCall(scanner);
  }

  /** An id, a name or arguments: `{id, function: {name, arguments}}`, or a legacy `{name, arguments}`. */
  private readCall(scanner: JsonScanner): void {
    if (!scanner.atObject()) {
      scanner.value();
      return;
    }
    for (let more = scanner.enterObject(); more; more = scanner.nextMember()) {
      if (scanner.keyIs(FUNCTION)) this.readCall(scanner);
      else if (scanner.keyIs(NAME) || scanner.keyIs(ARGUMENTS)) this.deliver(scanner);
      else if (scanner.keyIs(ID) && scanner.atString()) {
        scanner.string();
        if (scanner.stringEnd > scanner.stringStart) this.delivers = true;
      } else scanner.value();
    }
  }

  /** Counts every string in a value as output, but for the labels of parts. */
  private deliver(scanner: JsonScanner): void {
    if (scanner.atString()) {
      scanner.string();
      const bytes = scanner.stringEnd - scanner.stringStart;
      if (bytes === 0) return;
      this.bytes += bytes;
      this.textStart = scanner.stringStart;
      this.textEnd = scanner.stringEnd;
      this.delivers = true;
    } else if (scanner.atObject()) {
      for (let more = scanner.enterObject(); more; more = scanner.nextMember()) {
        if (scanner.keyIs(TYPE) && scanner.atString()) scanner.value();
        else this.deliver(scanner);
      }
    } else if (scanner.atArray()) {
      for (let more = scanner.enterArray(); more; more = scanner.nextElement()) this.deliver(scanner);
    } else {
      scanner.value();
    }
  }
}

/** A small non-negative integer; 0 for anything else. */
function readIndex(scanner: JsonScanner): number {
  const start = scanner.pos;
  scanner.value();
  let value = 0;
  for (let i = start; i < scanner.lastEnd && i < start + 4; i++) {
    const digit = (scanner.buf[i] as number) - 0x30;
    if (digit < 0 || digit > 9) return 0;
    value = value * 10 + digit;
  }
  return value;
}

function isReasoning(scanner: JsonScanner): boolean {
  for (const name of REASONING) if (scanner.keyIs(name)) return true;
  return false;
}
