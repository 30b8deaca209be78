/** What asking a signal gives: its value, or why there is none. */
export type Reading<T> =
  | {
      known: true;
      value: T;
      /** The value and its score as a reason shows them; bounded words of ours, never what the request carried. */
      said: string;
    }
  | { known: false; why: string };

export const known = <T>(value: T, said: string): Reading<T> => ({ known: true, value, said });
export const unknown = (why: string): Reading<never> => ({ known: false, why });
