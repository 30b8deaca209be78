/** What is done with the body of one upstream response. Implementations differ in when they commit. */

export interface Receiver {
  /** Bytes as they come. */
  chunk(bytes: Buffer): void;
  /** The body is complete as far as HTTP can tell. */
  end(): void;
  /**
   * The response is committed and its attempt has failed: what is left is to tell the caller. True: the answer was ended
   * well-formed. False: the connection must break, because the caller could not tell otherwise.
   */
  breakOff(): boolean;
  /** `holdMax` is over. */
  holdOver(): void;
  /** Time to look whether the caller has heard anything; only after `UpstreamCall.listen`. */
  listen?(now: number): void;
  /** The attempt ends, one way or another: what the response said of itself goes into its record. */
  note(): void;
}
