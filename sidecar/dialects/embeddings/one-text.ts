/** What vendors have in common that embed one text at a time, or are not told what for. */
import type { Losses } from '../canonical/losses.ts';
import type { EmbedRequest } from './embed-format.ts';

/** Why such a vendor cannot serve it. One request stays one request: of several, some would be paid for when one fails. */
export function onlyOne(texts: EmbedRequest['texts'], vendor: string): string | undefined {
  if (texts === undefined) return `${vendor} embeds texts, not token ids`;
  if (texts.length === 0) return 'it has nothing to embed';
  return texts.length > 1 ? `it has ${texts.length} texts, ${vendor} embeds one at a time` : undefined;
}

export function withoutPurpose(
  { purpose, user, unknown }: EmbedRequest,
  vendor: string,
  losses: Losses,
): void {
  if (purpose !== undefined) losses.dropped('input_type', `${vendor} is not told what vectors are for`);
  lose({ user, unknown }, vendor, losses);
}

/** What neither has a place for. */
export function lose(
  { user, unknown }: Pick<EmbedRequest, 'user' | 'unknown'>,
  vendor: string,
  losses: Losses,
): void {
  if (user !== undefined) losses.dropped('user', `${vendor} has no user`);
  for (const name of unknown) losses.dropped(name, `${vendor} has no ${name}`);
}
