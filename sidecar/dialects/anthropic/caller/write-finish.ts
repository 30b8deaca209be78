/** How an answer ended, as members of a message or of the last delta of a stream. */
import type { Finish } from '../../canonical/response.ts';
import { type JsonText, json, object, optional } from '../../json/write.ts';
import { stopWord } from '../stop-reasons.ts';

/** `outrider.stop_reason` is the vendor's own word, where this API has none for it. */
export function finishMembers(finish: Finish, called: boolean): Record<string, JsonText | undefined> {
  const word = stopWord(finish, called);
  return {
    stop_reason: json(word),
    stop_sequence: word === 'stop_sequence' ? optional(finish.sequence) : 'null',
    outrider: finish.reason === 'Other' ? object({ stop_reason: json(finish.raw) }) : undefined,
  };
}
