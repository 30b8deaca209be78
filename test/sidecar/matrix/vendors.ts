/** One provider per dialect that vendors speak, each at the scripted provider, which refuses what the real one would refuse. */
import { type ScriptedProvider } from '../../../dev/providers/server.ts';
import type {
  ModelBody,
  ProviderBody,
  ProviderItem,
  RouteItem,
  RuleBody,
} from '../../../sidecar/snapshot/schema.ts';
import { providerItem, routeItem, rule, target } from '../support/configuration.ts';

export interface VendorCase {
  dialect: string;
  type: ProviderBody['type'];
  /** Below the scripted provider's host. */
  path: string;
  model: string;
  /** Writes its thinking into the answer. */
  showsThinking: boolean;
  parameters?: NonNullable<ProviderBody['parameters']>;
  /** Paths that the rule lets through unread. */
  passthrough?: RuleBody['passthrough'];
}

export const VENDORS: readonly VendorCase[] = [
  { dialect: 'openai-chat', type: 'OpenAICompatible', path: '/v1', model: 'scripted', showsThinking: false },
  { dialect: 'openai-responses', type: 'OpenAI', path: '/v1', model: 'gpt-5-pro', showsThinking: true },
  {
    dialect: 'anthropic-messages',
    type: 'Anthropic',
    path: '/v1',
    model: 'claude-sonnet-4-5',
    showsThinking: true,
  },
  {
    dialect: 'gemini',
    type: 'Gemini',
    path: '/v1beta',
    model: 'gemini-3-flash-preview',
    showsThinking: true,
  },
  {
    dialect: 'bedrock-converse',
    type: 'Bedrock',
    path: '',
    model: 'anthropic.claude-sonnet-4-5-20250929-v1:0',
    showsThinking: true,
    parameters: { region: 'us-east-1' },
  },
  { dialect: 'cohere-chat', type: 'Cohere', path: '/v2', model: 'command-a-03-2025', showsThinking: false },
];

export function itemsFor(vendor: VendorCase, provider: ScriptedProvider): [ProviderItem, RouteItem] {
  const model: ModelBody = { name: vendor.model, upstreamName: vendor.model, maxOutputTokens: 8192 };
  const origin = new URL(provider.url).origin;
  return [
    providerItem('vendor', origin + vendor.path, {
      type: vendor.type,
      models: [model],
      ...(vendor.parameters && { parameters: vendor.parameters }),
    }),
    routeItem(
      'any',
      ['any'],
      [rule([target('vendor', { model: vendor.model })], { passthrough: vendor.passthrough ?? [] })],
    ),
  ];
}
