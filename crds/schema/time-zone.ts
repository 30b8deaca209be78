/** Whose clocks and calendar count. Whether a zone of that name is known, only who runs it can tell. */
import { matching } from '../common.ts';

export const timeZone = matching(
  /^[A-Za-z_]+(\/[A-Za-z0-9_+-]+)*$/,
  'the name of a time zone, such as UTC or Europe/Berlin',
  1,
  64,
);
