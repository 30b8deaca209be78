/** A scripted vendor of every dialect behind one sidecar, and what every client is put through. */
import { afterAll, beforeAll, beforeEach, describe } from 'vitest';
import { type ScriptedProvider, startScriptedProvider } from '../../../dev/providers/server.ts';
import { itemsFor, VENDORS, type VendorCase } from '../matrix/vendors.ts';
import { startTestSidecar, type TestSidecar } from '../support/sidecar.ts';

export interface Lab {
  readonly provider: ScriptedProvider;
  readonly sidecar: TestSidecar;
  /** Paths the vendor was asked at, in order. */
  asked(): string[];
  /** Bodies the vendor got. */
  sent(): Record<string, unknown>[];
}

/** Every vendor serves the model `any`. */
export const MODEL = 'any';

export const WEATHER = {
  name: 'get_weather',
  description: 'The weather at a place.',
  schema: {
    type: 'object' as const,
    properties: { city: { type: 'string' as const }, days: { type: 'integer' as const } },
    required: ['city', 'days'],
    additionalProperties: false as const,
  },
};
export const TIME = {
  name: 'get_time',
  description: 'The time at a place.',
  schema: {
    type: 'object' as const,
    properties: { zone: { type: 'string' as const } },
    required: ['zone'],
    additionalProperties: false as const,
  },
};
/** What the scripted vendors call the tools with. */
export const WEATHER_ARGUMENTS = { city: 'example', days: 1 };
export const TIME_ARGUMENTS = { zone: 'example' };

/** Scripted vendors call what the last words of the user name, and speak when they are given results. */
export const ASK_BOTH = 'Please use get_weather and get_time.';
export const ASK_ONE = 'And now get_weather again.';
export const SAID = 'It rains at noon: 12 °C, "wet" \\ cold.';

export const FORMS = [
  ['whole', false],
  ['streamed', true],
] as const;

/** What becomes of statuses of the vendor: class names of the SDKs of OpenAI and Anthropic, which are the same. */
export const ERROR_CLASSES = [
  [400, 'BadRequestError'],
  [401, 'AuthenticationError'],
  [403, 'PermissionDeniedError'],
  [404, 'NotFoundError'],
  [422, 'UnprocessableEntityError'],
  [429, 'RateLimitError'],
  [500, 'InternalServerError'],
  [503, 'InternalServerError'],
] as const;

/** Runs `tests` once per vendor. */
export function atEveryVendor(tests: (lab: Lab, vendor: VendorCase) => void): void {
  atVendors(VENDORS, tests);
}

export function atVendors(
  vendors: readonly VendorCase[],
  tests: (lab: Lab, vendor: VendorCase) => void,
): void {
  let provider: ScriptedProvider;
  let sidecar: TestSidecar;
  beforeAll(async () => {
    provider = await startScriptedProvider({ keys: ['sk-test'] });
    sidecar = await startTestSidecar(undefined);
  });
  afterAll(async () => {
    await sidecar.close();
    await provider.close();
  });
  const lab: Lab = {
    get provider() {
      return provider;
    },
    get sidecar() {
      return sidecar;
    },
    asked: () => provider.requests.map(({ url }) => url),
    sent: () => provider.requests.map(({ body }) => JSON.parse(body.toString()) as Record<string, unknown>),
  };
  describe.each(vendors.map((vendor): [string, VendorCase] => [vendor.dialect, vendor]))(
    'at %s',
    (_, vendor) => {
      beforeEach(() => {
        sidecar.publish(itemsFor(vendor, provider));
        provider.behaviour = {};
        provider.requests.length = 0;
        sidecar.rows.length = 0;
      });
      tests(lab, vendor);
    },
  );
}
