/** What the clouds want to know of a provider besides a URL, and which types want it. */
import { z } from 'zod';
import { type CelRule, dnsLabel, matching } from '../common.ts';

export const azure = z.strictObject({
  apiVersion: matching(
    /^(v1|[0-9]{4}-[0-9]{2}-[0-9]{2}(-preview)?)$/,
    'v1, or the date of a version such as 2024-10-21',
    2,
    18,
  ).describe(
    'v1: the API without versions, in which the name of the model is that of a deployment. A date: that version of the older API, with a path for each deployment.',
  ),
});

export const vertex = z.strictObject({
  project: matching(/^[a-z][-a-z0-9]*[a-z0-9]$/, 'the id of a project, such as shop-prod', 6, 30).describe(
    'Id of the Google Cloud project that is billed.',
  ),
  location: dnsLabel.describe('Where models run, such as europe-west4, or global.'),
});

export const bedrock = z.strictObject({
  region: dnsLabel.describe('Region of AWS whose models are called, such as eu-central-1.'),
});

const forType = (member: string, type: string): CelRule => ({
  rule: `(self.type == '${type}' && !has(self.base)) == has(self.${member})`,
  message: `${member} is required for type ${type} without base, and must be absent otherwise`,
  fieldPath: `.${member}`,
});

const quoted = (names: readonly string[]) => names.map((name) => `'${name}'`).join(', ');

/** Types that have no host of their own. */
const WITHOUT_URL = [
  'AzureOpenAI',
  'CloudflareWorkersAI',
  'Databricks',
  'Ollama',
  'VLLM',
  'TGI',
  'LMStudio',
  'OpenAICompatible',
];

/** Rules of a provider about its type. */
export const typeRules: CelRule[] = [
  {
    rule: `!(self.type in [${quoted(WITHOUT_URL)}]) || has(self.base) || (has(self.endpoint) && has(self.endpoint.url))`,
    message: `endpoint.url is required for types without a host of their own: ${WITHOUT_URL.join(', ')}`,
    fieldPath: '.endpoint',
  },
  forType('azure', 'AzureOpenAI'),
  forType('vertex', 'VertexAI'),
  forType('bedrock', 'Bedrock'),
  {
    rule:
      '!has(self.credentials) || self.credentials.all(c, ' +
      "c.type in ['APIKey', 'Passthrough'] || " +
      "(self.type == 'Bedrock' && c.type in ['AWSKeys', 'AWSWebIdentity']) || " +
      "(self.type == 'VertexAI' && c.type in ['GoogleServiceAccount', 'GoogleWorkloadIdentity']) || " +
      "(self.type == 'AzureOpenAI' && c.type in ['AzureClient', 'AzureWorkloadIdentity']))",
    message:
      'credentials of AWS are for type Bedrock, of Google for type VertexAI, of Azure for type AzureOpenAI',
    fieldPath: '.credentials',
  },
];
