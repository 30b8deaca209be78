/**
 * Long-lived credentials and projected identities in, tokens of an hour at most out. The operator mints with what its Secrets
 * and its own identity give, a sidecar with the identity of its pod; both by the code here, which does no I/O of its own.
 */
import { awsFromContainer, awsFromKeys, awsFromWebIdentity } from './aws.ts';
import { azureFromClient, azureFromWorkload } from './azure.ts';
import { googleFromServiceAccount, googleFromWorkload } from './google.ts';
import type { TokenIO } from './token-io.ts';

export type MintRequest =
  | {
      kind: 'AWSKeys';
      region: string;
      accessKeyId: string;
      secretAccessKey: string;
      /** Assumed with the keys; undefined: the session is that of their user. */
      roleARN: string | undefined;
      externalId: string | undefined;
    }
  /** `roleARN` undefined: the one that the environment names. */
  | { kind: 'AWSWebIdentity'; region: string; roleARN: string | undefined }
  /** `key`: the JSON of a service account's key. */
  | { kind: 'GoogleServiceAccount'; key: string }
  | { kind: 'GoogleWorkloadIdentity'; audience: string; serviceAccount: string | undefined }
  | { kind: 'AzureClient'; tenantId: string; clientId: string; secret: string }
  /** Undefined: what the environment names. */
  | { kind: 'AzureWorkloadIdentity'; tenantId: string | undefined; clientId: string | undefined };

export interface Minted {
  /** A bearer token; for AWS the JSON of an AWSSession. */
  value: string;
  /** Milliseconds since 1970 by our clock. */
  expiresAt: number;
}

/** Longest life that is asked for, and believed. */
const MAX_LIFE_MS = 3_600_000;

/** Throws MintError. */
export async function mint(request: MintRequest, io: TokenIO): Promise<Minted> {
  const minted = await exchange(request, io);
  return { ...minted, expiresAt: Math.min(minted.expiresAt, io.now() + MAX_LIFE_MS) };
}

function exchange(request: MintRequest, io: TokenIO): Promise<Minted> {
  switch (request.kind) {
    case 'AWSKeys':
      return awsFromKeys(request, io);
    case 'AWSWebIdentity':
      // EKS Pod Identity gives sessions by an address of its own.
      return request.roleARN === undefined && io.env('AWS_CONTAINER_CREDENTIALS_FULL_URI') !== undefined
        ? awsFromContainer(io)
        : awsFromWebIdentity(request, io);
    case 'GoogleServiceAccount':
      return googleFromServiceAccount(request.key, io);
    case 'GoogleWorkloadIdentity':
      return googleFromWorkload(request, io);
    case 'AzureClient':
      return azureFromClient(request, io);
    case 'AzureWorkloadIdentity':
      return azureFromWorkload(request, io);
  }
}
