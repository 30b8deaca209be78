/** Reads and writes the Secret that holds the keyring. A write names the version it replaces, so of two writers one is refused. */
import type { KubeObject } from '../../crds/common.ts';
import type { ApiClient } from '../watch/api-client.ts';
import { ApiError } from '../watch/api-error.ts';
import type { SecretData } from './secret-data.ts';

export interface StoredSecret extends KubeObject {
  type?: string;
  data?: Record<string, string>;
}

export interface SecretName {
  namespace: string;
  name: string;
}

/** Everything that a `kubernetes.io/tls` Secret must have is in it, so whoever knows that type can use it. */
const TYPE = 'kubernetes.io/tls';
const LABELS = { 'app.kubernetes.io/name': 'outrider', 'app.kubernetes.io/component': 'certificates' };

export class SecretStore {
  readonly #client: ApiClient;
  readonly #secret: SecretName;

  constructor(client: ApiClient, secret: SecretName) {
    this.#client = client;
    this.#secret = secret;
  }

  get collection(): string {
    return `/api/v1/namespaces/${this.#secret.namespace}/secrets`;
  }

  /** Undefined where there is none. */
  async read(): Promise<StoredSecret | undefined> {
    try {
      return await this.#client.json<StoredSecret>({ path: `${this.collection}/${this.#secret.name}` });
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    }
  }

  /**
   * Replaces `found`, or creates it where there is none. Labels and annotations of others stay; their data does not.
   * @returns false where somebody else was first
   */
  async write(found: StoredSecret | undefined, data: SecretData): Promise<boolean> {
    try {
      await this.#client.json(found ? this.#replacement(found, data) : this.#creation(data));
      return true;
    } catch (error) {
      if (error instanceof ApiError && (error.status === 409 || error.status === 404)) return false;
      throw error;
    }
  }

  #creation(data: SecretData) {
    const metadata = { ...this.#secret, labels: LABELS };
    const body = { apiVersion: 'v1', kind: 'Secret', type: TYPE, metadata, data };
    return { method: 'POST' as const, path: this.collection, body };
  }

  #replacement(found: StoredSecret, data: SecretData) {
    const { managedFields: _, ...metadata } = found.metadata as KubeObject['metadata'] & {
      managedFields?: unknown;
    };
    // The type of a Secret never changes; one that was made by hand may have another.
    const body = { apiVersion: 'v1', kind: 'Secret', type: found.type, metadata, data };
    return { method: 'PUT' as const, path: `${this.collection}/${this.#secret.name}`, body };
  }
}
