/** What a provider is paid with: keys, or identities of a cloud. A union by `type`. */
import { z } from 'zod';
import { cel, dnsLabel, labelSelector, matching, secretRef } from '../common.ts';
import { limits } from './provider-limits.ts';

const CREDENTIAL_TYPES = [
  'APIKey',
  'AWSKeys',
  'AWSWebIdentity',
  'GoogleServiceAccount',
  'GoogleWorkloadIdentity',
  'AzureClient',
  'AzureWorkloadIdentity',
  'Passthrough',
] as const;

const roleARN = matching(
  /^arn:aws[-a-z]*:iam::[0-9]{12}:role\/[A-Za-z0-9+=,.@_/-]+$/,
  'the ARN of an IAM role, such as arn:aws:iam::123456789012:role/llm',
  20,
  2048,
);
const guid = matching(
  /^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$/,
  'a GUID, such as 2f4c1b9e-0d3a-4f6b-8a57-6a1d2c3e4f50',
  36,
  36,
);
const serviceAccount = matching(
  /^[a-z0-9-]+@[a-z0-9.-]+\.iam\.gserviceaccount\.com$/,
  'the e-mail address of a service account',
  30,
  320,
);
const identity = z
  .enum(['Operator', 'Workload'])
  .optional()
  .describe(
    'Whose Kubernetes identity is shown to the cloud. Operator: its own; proxies get a token of an hour at most. Workload: that of the pod, by the token that the cloud projects into it. Unset: Operator.',
  );

const awsKeys = z.strictObject({
  accessKeyID: secretRef.describe('Where the id of the access key is kept.'),
  secretAccessKey: secretRef.describe('Where the secret access key is kept.'),
  roleARN: roleARN
    .optional()
    .describe('Role to assume with the keys. Unset: the sessions are those of the user the keys belong to.'),
  externalID: matching(/^[A-Za-z0-9+=,.@:/_-]+$/, 'letters, digits and any of + = , . @ : / _ -', 2, 1224)
    .optional()
    .describe("External id that the role's trust policy asks for."),
});

const awsWebIdentity = z
  .strictObject({
    roleARN: roleARN
      .optional()
      .describe(
        'Role to assume. Required for identity Operator; unset with Workload: what the pod was given.',
      ),
    identity,
  })
  .meta(
    cel({
      rule: "(has(self.identity) && self.identity == 'Workload') || has(self.roleARN)",
      message: 'roleARN is required unless identity is Workload',
      fieldPath: '.roleARN',
    }),
  );

const googleWorkloadIdentity = z.strictObject({
  audience: matching(
    /^\/\/iam\.googleapis\.com\/projects\/[0-9]+\/locations\/global\/workloadIdentityPools\/[a-z0-9-]+\/providers\/[a-z0-9-]+$/,
    'a provider of a workload identity pool, such as //iam.googleapis.com/projects/123/locations/global/workloadIdentityPools/pool/providers/cluster',
    80,
    512,
  ).describe('Full name of the provider in the workload identity pool.'),
  serviceAccount: serviceAccount
    .optional()
    .describe('Service account to act as. Unset: the federated identity itself.'),
  identity,
});

const azureWorkloadIdentity = z
  .strictObject({
    tenantID: guid.optional().describe('Tenant of Entra ID.'),
    clientID: guid.optional().describe('Application or managed identity that trusts the cluster.'),
    identity,
  })
  .meta(
    cel({
      rule: "(has(self.identity) && self.identity == 'Workload') || (has(self.tenantID) && has(self.clientID))",
      message: 'tenantID and clientID are required unless identity is Workload',
      fieldPath: '.tenantID',
    }),
  );

const MEMBERS = {
  APIKey: 'secretRef',
  AWSKeys: 'awsKeys',
  AWSWebIdentity: 'awsWebIdentity',
  GoogleServiceAccount: 'googleServiceAccount',
  GoogleWorkloadIdentity: 'googleWorkloadIdentity',
  AzureClient: 'azureClient',
  AzureWorkloadIdentity: 'azureWorkloadIdentity',
};

export const credential = z
  .strictObject({
    name: dnsLabel.describe('Name of the credential within this provider; routes may name it.'),
    type: z
      .enum(CREDENTIAL_TYPES)
      .describe(
        "APIKey: a key from a Secret, sent as the vendor wants it. AWSKeys, AWSWebIdentity: for Bedrock. GoogleServiceAccount, GoogleWorkloadIdentity: for VertexAI. AzureClient, AzureWorkloadIdentity: Entra ID, for AzureOpenAI. Of these, long-lived secrets stay in the operator and proxies get tokens of an hour at most. Passthrough: the caller's own key; it never goes to another provider.",
      ),
    secretRef: secretRef.optional().describe('Where the key is kept; for type APIKey.'),
    awsKeys: awsKeys.optional().describe('Access keys of an AWS user; for type AWSKeys.'),
    awsWebIdentity: awsWebIdentity
      .optional()
      .describe('An AWS role assumed with a Kubernetes identity; for type AWSWebIdentity.'),
    googleServiceAccount: z
      .strictObject({ secretRef: secretRef.describe('Where the JSON of the key is kept.') })
      .optional()
      .describe('A key of a Google service account; for type GoogleServiceAccount.'),
    googleWorkloadIdentity: googleWorkloadIdentity
      .optional()
      .describe('A Kubernetes identity federated with Google Cloud; for type GoogleWorkloadIdentity.'),
    azureClient: z
      .strictObject({
        tenantID: guid.describe('Tenant of Entra ID.'),
        clientID: guid.describe('Id of the application.'),
        secretRef: secretRef.describe('Where the secret of the application is kept.'),
      })
      .optional()
      .describe('A secret of an application of Entra ID; for type AzureClient.'),
    azureWorkloadIdentity: azureWorkloadIdentity
      .optional()
      .describe('A Kubernetes identity federated with Entra ID; for type AzureWorkloadIdentity.'),
    weight: z
      .int()
      .min(0)
      .max(1_000_000)
      .optional()
      .describe('Share of requests among the credentials of this provider; 0 takes none. Unset: 1.'),
    namespaces: labelSelector
      .optional()
      .describe('Namespaces whose routes may use this credential. Unset: all that may use the provider.'),
    limits: limits
      .optional()
      .describe(
        'What may be asked with this credential in all; another one of the pool takes over when it is used up. Unset: no limit.',
      ),
  })
  .meta(
    cel({
      rule: Object.entries(MEMBERS)
        .map(([type, member]) => `(self.type == '${type}') == has(self.${member})`)
        .join(' && '),
      message:
        'the member of the type must be set and no other: secretRef for APIKey, awsKeys for AWSKeys and so on, none for Passthrough',
    }),
  );
