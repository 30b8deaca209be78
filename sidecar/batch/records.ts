/** What is kept of files, batches and deferred requests, as JSON beside their contents. Times are milliseconds of the wall clock. */

export interface FileRecord {
  id: string;
  filename: string;
  purpose: 'batch' | 'batch_output';
  bytes: number;
  createdAt: number;
  expiresAt: number;
}

export type BatchState =
  | 'validating'
  | 'failed'
  | 'in_progress'
  | 'finalizing'
  | 'completed'
  | 'expired'
  | 'cancelling'
  | 'cancelled';

/** A line that is wrong; `line` counts from 1. */
export interface LineError {
  code: string;
  message: string;
  param: string | null;
  line: number | null;
}

export interface BatchRecord {
  id: string;
  endpoint: string;
  inputFileId: string;
  completionWindow: string;
  state: BatchState;
  /** When each state began. */
  at: Partial<Record<BatchState, number>>;
  createdAt: number;
  expiresAt: number;
  metadata: Record<string, string> | null;
  /** Ids that results are kept under; files of these names exist for callers once the batch has ended. */
  outputFileId: string;
  errorFileId: string;
  /** How long those files are kept. */
  keptMs: number;
  errors: LineError[];
  total: number;
  completed: number;
  failed: number;
  /** Lines were left when its time was over. */
  gaveUp?: true;
  /** Of the rules its lines can go by, the strictest. */
  maxConcurrent: number;
  /** Set: the provider's own batch API does the work. */
  native?: NativeRecord;
}

/** A batch that a provider runs. */
export interface NativeRecord {
  style: 'OpenAI' | 'Anthropic';
  /** Id of the provider, and name of the key that it was handed in with. */
  provider: string;
  credential: string | undefined;
  /** A rule says Native: it is never emulated. */
  demanded?: true;
  /** What was uploaded there, and the batch; each once it is known. */
  remoteFile?: string;
  remoteBatch?: string;
  /** When it was begun to be handed in, and when it was cancelled there. */
  handingInAt?: number;
  cancelledAt?: number;
}

export interface AsyncRecord {
  id: string;
  path: string;
  /** Names and values in turn, without credentials. */
  rawHeaders: string[];
  state: 'queued' | 'in_progress' | 'completed' | 'failed' | 'expired' | 'cancelled';
  createdAt: number;
  expiresAt: number;
  completedAt?: number;
  /** Of the answer. */
  status?: number;
  contentType?: string;
  requestId?: string;
  bytes: number;
  /** Whom to tell, and how often that was tried. */
  webhook?: {
    url: string;
    tries: number;
    delivered?: number;
    gaveUp?: string;
    secret: string;
    hosts: string[];
  };
}

const OVER: ReadonlySet<BatchState> = new Set(['failed', 'completed', 'expired', 'cancelled']);

export const isOver = ({ state }: Pick<BatchRecord, 'state'>): boolean => OVER.has(state);
