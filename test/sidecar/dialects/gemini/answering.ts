/** What these tests share. */
import { emptyRequest } from '../../../../sidecar/dialects/canonical/empty-request.ts';
import { GEMINI, GEMINI_VENDOR } from '../../../../sidecar/dialects/gemini/formats.ts';
import { tell as tellFrom } from '../support/vendor.ts';

export const tell = (bytes: Buffer, cuts?: readonly number[]) => tellFrom(GEMINI, GEMINI_VENDOR, bytes, cuts);
export const complete = (value: unknown) =>
  GEMINI_VENDOR.readComplete(Buffer.from(JSON.stringify(value)), emptyRequest());
export const chunk = (parts: unknown[], more: object = {}, top: object = {}) => ({
  candidates: [{ content: { parts, role: 'model' }, index: 0, ...more }],
  modelVersion: 'gemini-2.5-flash',
  responseId: 'mAitaLmkHPPlz7IPvtfUqQ4',
  ...top,
});
export const usageMetadata = {
  promptTokenCount: 100,
  cachedContentTokenCount: 40,
  candidatesTokenCount: 5,
  thoughtsTokenCount: 95,
  toolUsePromptTokenCount: 10,
  totalTokenCount: 210,
};
