/** An ApiClient that answers as a test tells it and remembers what it was asked. */
import type { ApiClient, ApiRequest } from '../../../operator/watch/api-client.ts';
import { ApiError } from '../../../operator/watch/api-error.ts';

export class RecordingClient implements ApiClient {
  readonly requests: ApiRequest[] = [];
  /** Answers all requests until told otherwise; what is thrown is the answer too. */
  answer: (request: ApiRequest) => unknown = () => ({});

  json<T>(request: ApiRequest): Promise<T> {
    this.requests.push(request);
    return Promise.resolve(request).then((asked) => this.answer(asked) as T);
  }

  stream(): Promise<never> {
    throw new Error('nothing is streamed here');
  }

  close(): void {}

  /** `METHOD path`, each request since the last call. */
  taken(): string[] {
    return this.requests.splice(0).map(({ method = 'GET', path }) => `${method} ${path}`);
  }
}

export const failing =
  (status: number, reason = '', message = reason) =>
  (): never => {
    throw new ApiError(status, reason, message);
  };
