/** Reads the events of a stream of the Messages API. */
import type { EventReading } from '../dialect.ts';
import { EventReader, invalidEvent } from '../event-reader.ts';
import { type AnswerType, scanAnswer } from './answer-scan.ts';
import { failedStop } from './stop-reasons.ts';
import { mergeUsage, serviceTier } from './usage.ts';

type Scan = ReturnType<typeof scanAnswer>;

export class AnthropicStreamReader extends EventReader {
  /** For translation: what the event is, and which string of output it brings. */
  type: AnswerType | undefined = undefined;
  piece: Scan['piece'] = undefined;
  #pieceStart = 0;
  #pieceEnd = 0;
  #pieceEscaped = false;
  /** What all events so far said together: each brings some fields of it. */
  #usage: unknown = undefined;

  read(_event: Buffer, data: Buffer): EventReading {
    this.begin();
    this.type = undefined;
    if (data.length === 0) return this;
    if (isDone(data)) {
      this.terminal = true;
      return this;
    }
    const scan = scanAnswer(data);
    if (scan.malformed) {
      this.error = invalidEvent(data);
      return this;
    }
    this.error = scan.error;
    if (this.error) return this;
    this.type = scan.type;
    this.piece = scan.piece;
    this.#pieceStart = scan.pieceStart;
    this.#pieceEnd = scan.pieceEnd;
    this.#pieceEscaped = scan.pieceEscaped;
    if (scan.usage !== undefined) {
      this.usage = this.#usage = mergeUsage(this.#usage, scan.usage);
      this.serviceTier = serviceTier(this.#usage);
    }
    switch (scan.type) {
      case 'message_start':
        this.model ??= scan.model;
        this.responseId ??= scan.id;
        break;
      case 'content_block_start':
        this.#deliver(scan.delivers, scan.bytes);
        break;
      case 'content_block_delta':
        this.#deliver(true, scan.bytes);
        break;
      case 'message_delta':
        if (scan.stopReason !== undefined) this.#finish(scan.stopReason);
        break;
      case 'message_stop':
        this.terminal = true;
        break;
    }
    return this;
  }

  /** The string of output in the payload that was read last. */
  pieceText(data: Buffer): string {
    return this.#pieceEscaped
      ? (JSON.parse(data.toString('utf8', this.#pieceStart - 1, this.#pieceEnd + 1)) as string)
      : data.toString('utf8', this.#pieceStart, this.#pieceEnd);
  }

  #deliver(delivers: boolean, bytes: number): void {
    this.commits = delivers;
    this.content = delivers;
    this.outputBytes = bytes;
  }

  #finish(reason: string): void {
    this.error = failedStop(reason);
    if (this.error || this.finished) return;
    this.finished = true;
    this.commits = true;
    this.finishReasons.push(reason);
  }
}

/** Servers that imitate this API end with the marker of another. */
function isDone(data: Buffer): boolean {
  return data[0] === 0x5b && data.length < 16 && data.toString('latin1').trim() === '[DONE]';
}
