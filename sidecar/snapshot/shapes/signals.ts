/** What a route can tell of a prompt beyond its envelope, and what its rules ask of it. */
import type { TargetBody } from '../schema.ts';

export interface SignalsBody {
  intents?: IntentsBody;
  classifier?: ClassifierBody;
}

/** A model that is asked about prompts. */
export interface AskedModelBody {
  /** Names the model; its name is that of the signal. */
  target: TargetBody;
  timeoutMs: number;
  maxInputTokens: number;
  /** How long an answer is remembered; 0: not at all. */
  cacheMs: number;
}

export interface EmbeddingsBody extends AskedModelBody {
  /** Absent: as the model makes them. */
  dimensions?: number;
  /** Under which the snapshot has the vectors of the examples. Absent: the sidecar asks for them itself. */
  vectors?: string;
}

/** The vectors of all examples of a route, in the order of its list. */
export interface VectorsBody {
  dimensions: number;
  /** Signed bytes in base64, one vector after the other; each vector's scale is its own. */
  data: string;
}

export interface ClassifierBody extends AskedModelBody {
  maxOutputTokens: number;
  labels: { name: string; description: string }[];
}

export interface IntentsBody {
  method: 'Lexical' | 'Embeddings';
  /** For method Embeddings. */
  embeddings?: EmbeddingsBody;
  /** 0 to 100. A prompt whose best intent scores less, or is not this much ahead of the next, has none. */
  minScorePercent: number;
  marginPercent: number;
  list: IntentBody[];
}

export interface IntentBody {
  name: string;
  examples: string[];
}

/** Where the label of what a request carries comes from. */
export interface ClassificationBody {
  /** Lower-case name of a request header. */
  header: string;
  /** Label of requests without the header, lower-case. Absent: they have none. */
  unset?: string;
}

/** Members of `matches[].prompt`. */
export interface PromptSignalsBody {
  difficulty?: { min?: number; max?: number };
  content?: ('Code' | 'Math')[];
  /** ISO 639-1. */
  languages?: string[];
  /** Names of the route's intents, or `none`. */
  intents?: string[];
  /** Names of the classifier's labels, or `none`. */
  labels?: string[];
}

/** Members of `matches[]`. */
export interface MatchSignalsBody {
  /** Lower-case labels. */
  classifications?: string[];
  claims?: ClaimBody[];
  /** A signal that could not be had counts as one that holds. Absent: as one that does not. */
  whenUnknown?: 'Match';
}

export interface ClaimBody {
  /** Lower-case name of a request header. */
  header: string;
  format: 'JWT' | 'JSON';
  /** Names from the outside in. */
  path: string[];
  type: 'Exact' | 'Prefix' | 'RegularExpression' | 'OneOf';
  /** One value; several for OneOf. */
  values: string[];
}
