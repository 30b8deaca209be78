import { afterAll, expect, it } from 'vitest';
import { startScriptedProvider } from '../../dev/providers/server.ts';
import { providerItem, routeItem, rule, target } from './support/configuration.ts';
import { callJson } from './support/http.ts';
import { startTestSidecar } from './support/sidecar.ts';

const provider = await startScriptedProvider();
const sidecar = await startTestSidecar([
  providerItem('main', provider.url.replace('/v1', ''), {
    type: 'Bedrock',
    parameters: { region: 'us-east-1' },
  }),
  routeItem('any', ['any'], [rule([target('main', { model: 'amazon.nova-pro-v1:0' })])]),
]);
afterAll(async () => {
  await sidecar.close();
  await provider.close();
});

it('knows the kind of an error that a vendor names in a header alone', async () => {
  provider.behaviour = {
    failure: {
      kind: 'Status',
      status: 429,
      message: 'Too many tokens, please wait before trying again.',
      headers: { 'x-amzn-errortype': 'ThrottlingException:http://internal.amazon.com/coral/' },
    },
  };
  const body = { model: 'any', messages: [{ role: 'user', content: 'Hello' }] };
  const answer = await callJson(`${sidecar.url}/v1/chat/completions`, body);
  expect(answer.status).toBe(429);
  expect(answer.json().error).toMatchObject({ message: 'Too many tokens, please wait before trying again.' });
  expect(sidecar.ended[0]?.attempts[0]).toMatchObject({
    failure: 'RateLimited',
    errorCode: 'ThrottlingException',
  });
});
