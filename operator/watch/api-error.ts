/** An answer of the API server other than success. Code branches on `status` and `reason`, never on the message. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  /** Kubernetes' own word, such as NotFound, Conflict or Expired; empty where the body was not a Status. */
  readonly reason: string;
  /** What the server asked for in Retry-After; undefined where it did not. */
  readonly retryAfterMs: number | undefined;

  constructor(status: number, reason: string, message: string, retryAfterMs?: number) {
    super(message || `the API server answered ${status}`);
    this.status = status;
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Reads the server's Status object where there is one; a proxy in between may have answered in its own words. */
export function apiErrorFrom(status: number, body: Buffer, retryAfter: string | undefined): ApiError {
  const seconds = retryAfter === undefined ? Number.NaN : Number(retryAfter);
  const retryAfterMs = Number.isFinite(seconds) && seconds >= 0 ? Math.min(seconds, 60) * 1000 : undefined;
  let parsed: { reason?: unknown; message?: unknown } | null = null;
  try {
    parsed = JSON.parse(body.toString('utf8'));
  } catch {
    // Not JSON: the status alone has to do.
  }
  const reason = typeof parsed?.reason === 'string' ? parsed.reason : '';
  const message = typeof parsed?.message === 'string' ? parsed.message.slice(0, 2048) : '';
  return new ApiError(status, reason, message, retryAfterMs);
}

/** The answer; undefined where it is one of these failures. */
export async function unless<T>(statuses: readonly number[], answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ApiError && statuses.includes(error.status)) return undefined;
    throw error;
  }
}
