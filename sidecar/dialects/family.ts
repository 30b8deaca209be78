/** A family of wire formats: the paths it lives at, and what it says where no single endpoint speaks. */
import type { Capability } from '../snapshot/schema.ts';
import type { Dialect, DialectName } from './dialect.ts';

export interface Endpoint {
  /** Canonical path, such as `/v1/chat/completions`. */
  readonly path: string;
  readonly dialect: Dialect;
  /** What a model must be able to do to serve it. */
  readonly needs: Capability;
}

export interface ListedModel {
  id: string;
  /** Who offers it under this name: a provider, or the route that defines the alias. */
  owner: string;
}

interface Prefix {
  readonly from: string;
  readonly to: string;
  /** Only the endpoints are there: other paths below it are nobody's. */
  readonly endpointsOnly?: true;
}

export interface DialectFamily {
  readonly name: string;
  /** Path prefixes the family is served under, and the prefix each stands for. The longest match counts. */
  readonly prefixes: readonly Prefix[];
  readonly endpoints: readonly Endpoint[];
  /** Dialects of the family that only vendors speak, and where they are below a base URL: so do its unread paths. */
  readonly vendorPaths?: readonly { readonly dialect: DialectName; readonly upstreamPath: string }[];
  /** Canonical path of the list of models. */
  readonly modelsPath: string;
  /** What stands below `modelsPath` and is no model's name. Unset: everything there is one. */
  readonly notModels?: RegExp;
  /** Speaks where no endpoint does: unread paths, refusals. */
  readonly raw: Dialect;
  /** Whether headers show that a client of this family calls; asked where families share a path. */
  claims(rawHeaders: readonly string[]): boolean;
  renderModels(models: readonly ListedModel[]): Buffer;
  renderModel(model: ListedModel): Buffer;
}
