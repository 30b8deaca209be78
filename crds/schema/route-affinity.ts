/** Requests that belong together go to one target and credential. */
import { z } from 'zod';
import { cel, duration, headerName } from '../common.ts';

export const affinity = z
  .strictObject({
    by: z
      .enum(['Header', 'Conversation', 'PromptPrefix'])
      .describe(
        'What requests that belong together share. Header: the value of `header`. Conversation: the id that the client gives it (`prompt_cache_key`, `conversation`, `metadata.conversation_id`, `session_id` or `thread_id` in the body, or the header X-Conversation-ID or X-Session-ID); where there is none, its prompt prefix. PromptPrefix: instructions, tools and the first message of the user, as bytes.',
      ),
    header: headerName.optional().describe('Name of the header, for Header; case-insensitive.'),
    promptCache: z
      .strictObject({
        ttl: duration
          .optional()
          .describe(
            'How long a provider keeps a prompt in its cache after its last use. Unset: five minutes, or an hour where the prompt was written for an hour.',
          ),
      })
      .optional()
      .describe(
        "Keeps requests on a target that is known to have their prompt in its cache, while reading from the cache saves more than the owner's prices would. Unset: the owner always goes first.",
      ),
  })
  .meta(
    cel({
      rule: "(self.by == 'Header') == has(self.header)",
      message: 'header is required for by: Header, and must be absent otherwise',
      fieldPath: '.header',
    }),
  );
