/** What a real kube-apiserver answered, asked again of the embedded one: the normal forms must agree. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiServer, startApiServer } from '../../../dev/api-server/server.ts';
import { CRDS } from './conformance/crds.ts';
import { SCENARIOS } from './conformance/index.ts';
import { Client } from './support/client.ts';
import { TRANSCRIPTS } from './support/recording.ts';
import { contextFor, createNamespace } from './support/scenario.ts';
import { replay, type Transcript } from './support/transcript.ts';

const recorded = readdirSync(TRANSCRIPTS).map((file) => ({
  part: path.basename(file, '.json'),
  transcripts: JSON.parse(readFileSync(path.join(TRANSCRIPTS, file), 'utf8')) as Transcript[],
}));

let server: ApiServer;
let client: Client;
beforeAll(async () => {
  server = await startApiServer({ crds: CRDS });
  client = new Client({ url: server.url });
});
afterAll(async () => {
  client.close();
  await server.close();
});

describe.each(recorded)('$part', ({ transcripts }) => {
  it.each(transcripts)('$scenario', async (transcript) => {
    await createNamespace(client, contextFor(client, transcript.scenario).namespace);
    const answers = await replay(transcript, client);
    for (const [index, { request, response }] of transcript.exchanges.entries()) {
      expect(answers[index]?.response, `answer to ${request.method} ${request.path}`).toEqual(response);
    }
  });
});

it('every scenario that can be transcribed has a transcript', () => {
  const known = new Set(recorded.flatMap(({ transcripts }) => transcripts.map((one) => one.scenario)));
  const expected = Object.values(SCENARIOS)
    .flat()
    .filter((scenario) => !scenario.untranscribed && scenario.run.toString().includes('client.'))
    .map((scenario) => scenario.name);
  expect(expected.filter((name) => !known.has(name))).toEqual([]);
});
