/** How targets of one priority share requests. */
export interface StrategyBody {
  type:
    | 'Weighted'
    | 'RoundRobin'
    | 'LeastRequests'
    | 'Latency'
    | 'Throughput'
    | 'Cost'
    | 'Quality'
    | 'Hybrid'
    | 'Adaptive'
    | 'Layered';
  /** Absent: FirstToken. */
  latency?: { measure: 'FirstToken' | 'Total' };
  /** Absent: task `default`. */
  quality?: { task: string };
  /** Of type Hybrid, and always there. */
  hybrid?: HybridBody;
  /** Of type Adaptive, and always there. */
  adaptive?: AdaptiveBody;
  /** Of type Layered, and always there. */
  layers?: LayerBody[];
}

/** Weights, 0 to 100, at least one above 0. Absent: 0. */
export interface HybridBody {
  cost?: number;
  latency?: number;
  quality?: number;
  load?: number;
}

export interface AdaptiveBody {
  /** What the median cost, and the median latency, take off a score of 100. */
  cost: number;
  latency: number;
  /** Score below which a model is not chosen while another is left. Absent: none. */
  minQuality?: number;
  /** Percent of the requests that each target gets at least. */
  minSharePercent: number;
  /** Requests after which what was learned counts for a third. */
  memory: number;
}

export interface LayerBody {
  type: 'Cost' | 'Latency' | 'Throughput' | 'Quality' | 'LeastRequests';
  /** Kept is what is within so many percent of the best. */
  withinPercent: number;
}
