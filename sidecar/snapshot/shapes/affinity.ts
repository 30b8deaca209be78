/** Requests that belong together go to one place. */
export interface AffinityBody {
  /** What says that requests belong together. */
  by: 'Header' | 'Conversation' | 'PromptPrefix';
  /** Lower-case; for Header. */
  header?: string;
  /** Absent: where a prompt is cached has no say. */
  promptCache?: {
    /** How long a vendor keeps a prompt that nobody asks for again. Absent: what is known of the vendor. */
    ttlMs?: number;
  };
}
