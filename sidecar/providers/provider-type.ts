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
  /** Cases in which the vendor is called otherwise, the particular first; see `variant.ts`. */
  readonly variants?: readonly Variant[];
  /** How a key is sent. Tokens that are minted for a cloud's identity always go as `authorization: Bearer`. */
  readonly auth: AuthScheme;
  /** Name of the service for AWS Signature Version 4, where requests can be signed by it. */
  readonly signedFor?: string;
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
  /** Names the tier of service in which the vendor serves, where bodies need not. */
  readonly serviceTierHeader?: string;
  /** Counts the tokens of the input, for answers without usage. */
  readonly inputTokensHeader?: string;
  /** Names the kind of an error, where bodies hold only its text; what follows a colon is not part of the name. */
  readonly errorTypeHeader?: string;
  readonly retryAfter: RetryAfterForms;
  /** Paths below the version path that may be upgraded to a WebSocket. */
  readonly webSocketPaths: readonly string[];
  /** Prefixes of `Sec-WebSocket-Protocol` entries that carry credentials or account names. */
  readonly credentialProtocols: readonly string[];
  /** Milliseconds an idle connection is kept: below what the vendor's front end keeps, so that we close first. */
  readonly idleSocketMs: number;
  /** It goes on generating, and bills for it, when the connection is gone. */
  readonly billsAfterDisconnect?: true;
  /** Rows that hold for this type only, tried before the common ones. */
  readonly failures: readonly FailureRow[];
}

/** Header that carries a key, lower-case, and what precedes the key in it. */
export interface AuthScheme {
  readonly header: string;
  readonly prefix: string;
}

/** Holds where all of its conditions do. */
export interface Variant {
  /** What the vendor's name of the model begins with; one of them. */
  readonly models?: readonly string[];
  /** The provider's API version is a date. */
  readonly datedVersion?: true;
  readonly type: ProviderType;
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
  /** The path stands below the host, whatever path the base URL has. */
  readonly fromHost?: true;
  /** How a key is sent, where this dialect differs from the vendor's others. */
  readonly auth?: AuthScheme;
  /** Headers it needs; a caller's own value of one stands over it. */
  readonly headers?: readonly (readonly [name: string, value: string])[];
  readonly quirks?: Quirks;
}

/** Headers about one limit, lower-case. */
interface LimitHeaders {
  /** What it counts; absent: nothing that is counted here, or not known. */
  readonly of?: 'Requests' | 'Tokens';
  readonly limit?: string;
  readonly remaining: string | undefined;
  readonly reset: string;
}

/** Where a vendor announces when to come back, besides `retry-after`. */
export interface RetryAfterForms {
  /** Milliseconds. */
  readonly milliseconds: readonly string[];
  /** Resets of a limit: they count when the limit's `remaining` is zero, or when none says so. */
  readonly resets: readonly LimitHeaders[];
  /** The body of an error may say it: google.rpc.RetryInfo. */
  readonly inBody?: 'RetryInfo';
}
