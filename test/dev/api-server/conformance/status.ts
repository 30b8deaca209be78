import { expect } from 'vitest';
import { condition, route, type Scenario } from '../support/scenario.ts';

const status = { observedGeneration: 1, conditions: [condition('Ready')] };

export const statusScenarios: Scenario[] = [
  {
    name: 'status is dropped on create and on writes to the object',
    async run({ client, routes }) {
      const { body: made } = await client.post(routes, { ...route('a'), status });
      expect(made.status).toBeUndefined();
      const { body: put } = await client.put(`${routes}/a`, { ...made, status });
      expect(put).toEqual(made);
      const { body: patched } = await client.merge(`${routes}/a`, { status });
      expect(patched.status).toBeUndefined();
    },
  },
  {
    name: 'writes to status change status only',
    async run({ client, routes }) {
      const { body: made } = await client.post(routes, route('a'));
      const { body } = await client.put(`${routes}/a/status`, {
        ...made,
        metadata: { ...made.metadata, labels: { x: 'y' } },
        spec: { ...made.spec, models: ['z'] },
        status,
      });
      expect(body.status).toEqual(status);
      expect(body.spec).toEqual(made.spec);
      expect(body.metadata.labels).toBeUndefined();
      expect(body.metadata.generation).toBe(1);
      expect(body.metadata.resourceVersion).not.toBe(made.metadata.resourceVersion);
      expect((await client.get(`${routes}/a/status`)).body).toEqual(body);
    },
  },
  {
    name: 'status survives writes to the object',
    async run({ client, routes }) {
      await client.post(routes, route('a'));
      await client.merge(`${routes}/a/status`, { status });
      const { body } = await client.merge(`${routes}/a`, { spec: { models: ['z'] }, status: null });
      expect(body).toMatchObject({ status, spec: { models: ['z'] }, metadata: { generation: 2 } });
    },
  },
  {
    name: 'status is validated, paths start at status',
    async run({ client, routes }) {
      await client.post(routes, route('a'));
      const { body } = await client.merge(`${routes}/a/status`, {
        status: {
          conditions: [condition('Ready', 'Maybe', { reason: '', lastTransitionTime: 'soon' })],
          proxies: { expected: -1 },
        },
      });
      expect(body.code).toBe(422);
      const fields = body.details.causes.map((cause: { field: string }) => cause.field);
      expect(fields).toContain('status.conditions[0].status');
      expect(fields).toContain('status.proxies.expected');
      expect(fields).toContain('status.proxies.programmed');
      const twice = await client.merge(`${routes}/a/status`, {
        status: { conditions: [condition('Ready'), condition('Ready')] },
      });
      expect(twice.body.details.causes[0]).toMatchObject({
        reason: 'FieldValueDuplicate',
        field: 'status.conditions[1]',
        message: 'Duplicate value: {"type":"Ready"}',
      });
    },
  },
  {
    name: 'status holds to versions',
    async run({ client, routes }) {
      const { body: made } = await client.post(routes, route('a'));
      await client.merge(`${routes}/a`, { spec: { models: ['z'] } });
      expect((await client.put(`${routes}/a/status`, { ...made, status })).status).toBe(409);
      expect(
        (
          await client.put(`${routes}/absent/status`, {
            ...route('absent', {}, { resourceVersion: '1' }),
            status,
          })
        ).status,
      ).toBe(404);
      expect((await client.delete(`${routes}/a/status`)).status).toBe(405);
    },
  },
  {
    name: 'status writes are owned apart from writes to the object',
    async run({ client, routes }) {
      await client.post(`${routes}?fieldManager=m`, route('a'));
      const { body } = await client.merge(`${routes}/a/status?fieldManager=m`, { status });
      expect(body.metadata.managedFields).toHaveLength(2);
      expect(
        body.metadata.managedFields.some((one: { subresource?: string }) => one.subresource === 'status'),
      ).toBe(true);
    },
  },
];
