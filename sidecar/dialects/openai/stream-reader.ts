/** Reads the events of a chat or completions stream. */
import type { EventReading, UpstreamError } from '../dialect.ts';
import { EventReader, invalidEvent, isDone, shown } from '../event-reader.ts';
import { isObject } from '../json/parsed.ts';
import type { ChoicesScan } from './choices-scan.ts';
import { RepeatedChunk } from './repeated-chunk.ts';
import { scanResponse } from './response-scan.ts';
import { cutOut } from './strip-usage.ts';

/** A stream names at most this many finish reasons; `n` is 128 at most with the vendors. */
const MAX_REASONS = 128;

export class OpenAIStreamReader extends EventReader {
  /** Range of `"usage":null` in the payload of the last event; -1 where it has none. */
  private usageNullStart = -1;
  private usageNullEnd = -1;
  /** Choices seen and choices that have ended: a stream of several is finished with the last. */
  private choices = 0;
  private readonly ended = new Set<number>();
  private readonly repeated = new RepeatedChunk();
  /** Of the chunk that is repeated: what it counts besides its text, its length, and where its `"usage":null` lies. */
  private bytesBeside = 0;
  private length = 0;
  private nullStart = -1;
  private nullEnd = -1;
  private nullBehindText = false;

  read(event: Buffer, data: Buffer): EventReading {
    this.begin();
    this.usageNullStart = -1;
    if (isDone(data)) {
      this.terminal = true;
      return this;
    }
    if (data.length === 0) return this;
    const textBytes = this.repeated.match(data);
    if (textBytes > 0) return this.again(data.length, textBytes);
    this.repeated.forget();
    const scan = scanResponse(data, this.model === undefined || this.responseId === undefined);
    if (scan.malformed) {
      this.error = invalidEvent(data);
      return this;
    }
    const { choices } = scan;
    this.model ??= scan.model;
    this.responseId ??= scan.id;
    this.serviceTier = scan.serviceTier ?? this.serviceTier;
    this.usage = scan.usage;
    this.usageNullStart = scan.usageNullStart;
    this.usageNullEnd = scan.usageNullEnd;
    this.usageOnly = scan.hasChoices && choices.count === 0 && isObject(scan.usage);
    this.error =
      scan.error ?? failureOf(choices.failure) ?? (scan.hasChoices ? undefined : named(event, data));
    if (this.error) return this;
    this.outputBytes = choices.bytes;
    this.content = choices.delivers;
    if (choices.maxIndex >= this.choices) this.choices = choices.maxIndex + 1;
    for (const { index, reason } of choices.finishes) {
      if (this.ended.has(index) || this.ended.size >= MAX_REASONS) continue;
      this.ended.add(index);
      this.finishReasons.push(reason);
    }
    this.finished = this.ended.size > 0 && this.ended.size >= this.choices;
    this.commits = choices.delivers || choices.finishes.length > 0;
    if (choices.textStart >= 0 && choices.finishes.length === 0 && scan.usage === undefined) {
      this.learn(data, choices);
    }
    return this;
  }

  /** The chunk before with another text of `textBytes`: whatever else was read of it holds of this one. */
  private again(length: number, textBytes: number): EventReading {
    this.content = true;
    this.commits = true;
    this.outputBytes = this.bytesBeside + textBytes;
    const shift = this.nullBehindText ? length - this.length : 0;
    if (this.nullStart >= 0) {
      this.usageNullStart = this.nullStart + shift;
      this.usageNullEnd = this.nullEnd + shift;
    }
    return this;
  }

  private learn(data: Buffer, { bytes, textStart, textEnd }: Readonly<ChoicesScan>): void {
    this.repeated.learn(data, textStart, textEnd);
    this.bytesBeside = bytes - (textEnd - textStart);
    this.length = data.length;
    this.nullStart = this.usageNullStart;
    this.nullEnd = this.usageNullEnd;
    this.nullBehindText = this.nullStart >= textEnd;
  }

  override withoutUsage(event: Buffer, data: Buffer, reading: EventReading): Buffer | undefined {
    if (reading.usageOnly) return undefined;
    return this.usageNullStart < 0 ? event : cutOut(event, data, this.usageNullStart, this.usageNullEnd);
  }
}

function failureOf(reason: string | undefined): UpstreamError | undefined {
  return reason === undefined
    ? undefined
    : { status: undefined, code: reason, type: undefined, message: `finish_reason is ${reason}` };
}

/** `event: error` with a payload of any shape. */
function named(event: Buffer, data: Buffer): UpstreamError | undefined {
  if (event[0] === 0x64) return undefined;
  return /(^|[\r\n])event: ?error[\r\n]/.test(event.toString('latin1', 0, 256))
    ? { status: undefined, code: undefined, type: 'error', message: shown(data) }
    : undefined;
}
