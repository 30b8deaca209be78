/** Reads the events of a Responses stream. */
import type { EventReading, UpstreamError } from '../dialect.ts';
import { EventReader, invalidEvent } from '../event-reader.ts';
import { scanResponseEvent } from './response-scan.ts';

const DONE = Buffer.from('[DONE]');

export class ResponsesStreamReader extends EventReader {
  /** The call that is open has sent its arguments piece by piece. */
  private deltas = false;

  read(_event: Buffer, data: Buffer): EventReading {
    this.begin();
    // Imitators end their streams as they end those of chat completions.
    if (data.length === 0 || data.subarray(0, DONE.length).equals(DONE)) {
      this.terminal ||= data.length > 0;
      return this;
    }
    const scan = scanResponseEvent(data);
    if (scan.malformed) {
      this.error = invalidEvent(data);
      return this;
    }
    this.model ??= scan.model;
    if (scan.hasResponse) this.responseId ??= scan.id;
    this.serviceTier = scan.serviceTier ?? this.serviceTier;
    this.usage = scan.usage;
    this.readType(scan.type ?? '', scan);
    return this;
  }

  private readType(type: string, scan: ReturnType<typeof scanResponseEvent>): void {
    switch (type) {
      case 'response.completed':
      case 'response.incomplete':
        this.commits = true;
        this.finished = true;
        this.terminal = true;
        this.finishReasons = [finishReason(scan.status ?? type.slice('response.'.length), scan.incomplete)];
        return;
      case 'response.failed':
      case 'response.cancelled':
        this.terminal = true;
        this.error = scan.error ?? failed(type.slice('response.'.length));
        return;
      case 'response.output_item.added':
        this.deltas = false;
        this.commits = scan.itemType !== 'message';
        this.content = this.commits;
        return;
      case 'response.function_call_arguments.done':
        // Some servers send arguments here only.
        if (this.deltas) return;
        this.outputBytes = scan.argumentBytes;
        this.content = scan.argumentBytes > 0;
        return;
      default:
        if (type.endsWith('.delta')) {
          this.deltas = true;
          this.commits = true;
          this.content = true;
          this.outputBytes = scan.deltaBytes;
        } else if (scan.error) {
          this.terminal = true;
          this.error = scan.error;
        }
    }
  }
}

/** In the vendor's words. */
export function finishReason(status: string, incomplete: string | undefined): string {
  return status === 'incomplete' ? (incomplete ?? status) : status;
}

export function failed(status: string): UpstreamError {
  return { status: undefined, code: status, type: undefined, message: `the response is ${status}` };
}
