/** What the sidecar must know of one kind of vendor, as data. A new type is a new value of this shape, not new code. */
import type { Quirks } from '../dialects/chat-format.ts';
import type { DialectName } from '../dialects/dialect.ts';
import type { ProviderTypeName } from '../snapshot/schema.ts';
import type { FailureRow } from './failures.ts';

export interface ProviderType {
  readonly name: ProviderTypeName;
  /**
   * Wire formats the vendor takes, the best to translate into first. A caller that speaks one of them has its bytes passed
   * on; for others the first chat dialect with a `VendorFormat` is written.
   */
  readonly speaks: readonly Spoken[];
  /** Header that carries the key, and what precedes the key in it. */
  readonly auth: { readonly header: string; readonly prefix: string };
  /** Caller headers sent upstream, lower-case. Everything else is dropped unless a rule forwards it. */
  readonly requestHeaders: ReadonlySet<string>;
  /** Caller headers that say whose account it is: sent only beside the caller's own key. */
  readonly accountHeaders: ReadonlySet<string>;
  /** Provider headers handed to the caller, lower-case. */
  readonly responseHeaders: ReadonlySet<string>;
  /** Further provider headers handed to the caller on unread paths, where bodies may be files. Their length goes anyway. */
  readonly fileHeaders: ReadonlySet<string>;
  /** The header with the vendor's own id of the request. */
  readonly requestIdHeader: string;
  readonly retryAfter: RetryAfterForms;
  /** Paths below the version path that may be upgraded to a WebSocket. */
  readonly webSocketPaths: readonly string[];
  /** Prefixes of `Sec-WebSocket-Protocol` entries that carry credentials or account names. */
  readonly credentialProtocols: readonly string[];
  /** Milliseconds an idle connection is kept: below what the vendor's front end keeps, so that we close first. */
  readonly idleSocketMs: number;
  /** Rows that hold for this type only, tried before the common ones. */
  readonly failures: readonly FailureRow[];
}

/** One wire format of a vendor, and where it is. */
export interface Spoken {
  readonly dialect: DialectName;
  /**
   * Below the base URL, such as `/chat/completions`. `{model}` stands for the vendor's name of the model, other names for
   * parameters of the provider (`{project}`, `{location}`, `{apiVersion}`), each percent-encoded. May end in a query.
   */
  readonly path: string;
  /** For streams, where it differs. */
  readonly streamPath?: string;
  /** The path names the model; the body does not. */
  readonly modelInPath?: true;
  readonly quirks?: Quirks;
}

/** Where a vendor announces when to come back, besides `retry-after`. */
export interface RetryAfterForms {
  /** Milliseconds. */
  readonly milliseconds: readonly string[];
  /** Resets of a limit: they count when the limit's `remaining` is zero, or when none says so. */
  readonly resets: readonly { readonly remaining: string | undefined; readonly reset: string }[];
}
