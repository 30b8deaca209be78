/** A credential as proxies see it, and what the operator must get for it from a cloud. */
import type { LLMProviderSpec } from '../../crds/llmprovider.ts';
import type { CredentialBody, WorkloadIdentity } from '../../sidecar/snapshot/schema.ts';
import type { MintRequest } from '../../sidecar/tokens/mint.ts';
import type { Secrets } from './secrets.ts';

type Credential = NonNullable<LLMProviderSpec['credentials']>[number];
type Kind = Pick<CredentialBody, 'type' | 'workload'>;
/** Of `spec.bedrock`; empty where the type has none. */
type Region = string;

export function credentialKind(credential: Credential, region: Region): Kind {
  const { type } = credential;
  switch (type) {
    case 'APIKey':
    case 'Passthrough':
      return { type };
    case 'AWSKeys':
      return { type: 'AWSSession' };
    case 'GoogleServiceAccount':
    case 'AzureClient':
      return { type: 'Token' };
    case 'AWSWebIdentity':
    case 'GoogleWorkloadIdentity':
    case 'AzureWorkloadIdentity': {
      const workload = identityOf(credential, region);
      if (workload) return { type: 'Workload', workload };
      return { type: type === 'AWSWebIdentity' ? 'AWSSession' : 'Token' };
    }
  }
}

/** Undefined where the operator shows its own. */
function identityOf(credential: Credential, region: Region): WorkloadIdentity | undefined {
  const { awsWebIdentity: aws, googleWorkloadIdentity: google, azureWorkloadIdentity: azure } = credential;
  if (aws?.identity === 'Workload')
    return { cloud: 'AWS', region, ...(aws.roleARN !== undefined && { roleARN: aws.roleARN }) };
  if (google?.identity === 'Workload')
    return {
      cloud: 'Google',
      audience: google.audience,
      ...(google.serviceAccount !== undefined && { serviceAccount: google.serviceAccount }),
    };
  if (azure?.identity === 'Workload')
    return {
      cloud: 'Azure',
      ...(azure.tenantID !== undefined && { tenantID: azure.tenantID }),
      ...(azure.clientID !== undefined && { clientID: azure.clientID }),
    };
  return undefined;
}

type Problem = { reason: string; message: string };
export type Wanted = { ok: true; request: MintRequest } | ({ ok: false } & Problem);

/** What to ask a cloud for; undefined for credentials that need nothing of the kind. */
export function mintRequest(
  credential: Credential,
  namespace: string,
  region: Region,
  secrets: Secrets,
): Wanted | undefined {
  if (credentialKind(credential, region).type === 'Workload') return undefined;
  const { awsKeys, awsWebIdentity, googleServiceAccount, googleWorkloadIdentity } = credential;
  const { azureClient, azureWorkloadIdentity } = credential;
  if (awsKeys) {
    const id = secrets.read(namespace, awsKeys.accessKeyID.name, awsKeys.accessKeyID.key);
    const secret = secrets.read(namespace, awsKeys.secretAccessKey.name, awsKeys.secretAccessKey.key);
    if (!id.ok) return id;
    if (!secret.ok) return secret;
    return {
      ok: true,
      request: {
        kind: 'AWSKeys',
        region,
        accessKeyId: id.value,
        secretAccessKey: secret.value,
        roleARN: awsKeys.roleARN,
        externalId: awsKeys.externalID,
      },
    };
  }
  if (awsWebIdentity?.roleARN !== undefined)
    return { ok: true, request: { kind: 'AWSWebIdentity', region, roleARN: awsWebIdentity.roleARN } };
  if (googleServiceAccount) {
    const { name, key } = googleServiceAccount.secretRef;
    const document = secrets.readDocument(namespace, name, key);
    return document.ok
      ? { ok: true, request: { kind: 'GoogleServiceAccount', key: document.value } }
      : document;
  }
  if (googleWorkloadIdentity) {
    const { audience, serviceAccount } = googleWorkloadIdentity;
    return { ok: true, request: { kind: 'GoogleWorkloadIdentity', audience, serviceAccount } };
  }
  if (azureClient) {
    const { tenantID: tenantId, clientID: clientId, secretRef } = azureClient;
    const secret = secrets.read(namespace, secretRef.name, secretRef.key);
    return secret.ok
      ? { ok: true, request: { kind: 'AzureClient', tenantId, clientId, secret: secret.value } }
      : secret;
  }
  if (azureWorkloadIdentity?.tenantID !== undefined && azureWorkloadIdentity.clientID !== undefined) {
    const { tenantID: tenantId, clientID: clientId } = azureWorkloadIdentity;
    return { ok: true, request: { kind: 'AzureWorkloadIdentity', tenantId, clientId } };
  }
  return undefined;
}
