/** Reads what sidecars post. The body comes from a pod and is believed in nothing: sizes and types are checked here. */

import {
  type Acknowledgement,
  type ItemException,
  MAX_EXCEPTIONS,
  MAX_ROWS,
  type Report,
} from '../../sidecar/snapshot/messages.ts';
import { readFleetReport } from '../fleet/knowledge.ts';
import { readDemands } from '../ledger/leases/read-demands.ts';
import { readRates } from '../ledger/rates/read-rates.ts';

const MAX_FEATURES = 256;

/** Why a report is malformed; the text is safe to show. */
export class ReportMalformed extends Error {}

/** The report in `body`, reduced to the members that exist. Throws ReportMalformed. Unknown members are ignored: N+1 may add some. */
export function readReport(body: Buffer): Report {
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch {
    throw new ReportMalformed('it is not JSON');
  }
  const report = object(value, 'report');
  const { trustBundle } = report;
  const fleet = readFleetReport(report['fleet']);
  const rates = readRates(report['rates']);
  return {
    epoch: text(report['epoch'], 'epoch', 64),
    ack: readAcknowledgement(report['ack']),
    rows: list(report['rows'], 'rows', MAX_ROWS),
    proxyVersion: text(report['proxyVersion'], 'proxyVersion', 64),
    features: list(report['features'], 'features', MAX_FEATURES).map((f) => text(f, 'features[]', 128)),
    ...(trustBundle !== undefined && { trustBundle: sha256(trustBundle, 'trustBundle') }),
    ...(fleet && { fleet }),
    ...(rates && { rates }),
    ...(report['demands'] !== undefined && { demands: readDemands(report['demands']) }),
  };
}

function readAcknowledgement(value: unknown): Acknowledgement {
  const ack = object(value, 'ack');
  const hash = text(ack['hash'], 'ack.hash', 64);
  if (!/^([0-9a-f]{64})?$/.test(hash))
    throw new ReportMalformed('ack.hash must be a sha256 in hex, or empty');
  return {
    hash,
    credentialsVersion: text(ack['credentialsVersion'], 'ack.credentialsVersion', 128),
    exceptions: list(ack['exceptions'], 'ack.exceptions', MAX_EXCEPTIONS).map(readException),
  };
}

function readException(value: unknown): ItemException {
  const exception = object(value, 'ack.exceptions[]');
  const { state, runningGeneration } = exception;
  if (state !== 'Stale' && state !== 'Rejected') {
    throw new ReportMalformed('ack.exceptions[].state must be Stale or Rejected');
  }
  if (runningGeneration !== undefined && !Number.isSafeInteger(runningGeneration)) {
    throw new ReportMalformed('ack.exceptions[].runningGeneration must be an integer');
  }
  return {
    id: text(exception['id'], 'ack.exceptions[].id', 640),
    state,
    ...(runningGeneration !== undefined && { runningGeneration: runningGeneration as number }),
    reason: text(exception['reason'], 'ack.exceptions[].reason', 1_024),
  };
}

function object(value: unknown, name: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new ReportMalformed(`${name} must be an object`);
}

function sha256(value: unknown, name: string): string {
  if (typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)) return value;
  throw new ReportMalformed(`${name} must be a sha256 in hex`);
}

function text(value: unknown, name: string, limit: number): string {
  if (typeof value === 'string' && value.length <= limit) return value;
  throw new ReportMalformed(`${name} must be a string of at most ${limit} characters`);
}

function list(value: unknown, name: string, limit: number): unknown[] {
  if (Array.isArray(value) && value.length <= limit) return value;
  throw new ReportMalformed(`${name} must be a list of at most ${limit} entries`);
}
