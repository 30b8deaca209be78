/** What tells apart who pays, or who asks: a header has a name, and nothing else has. */
import type { CelRule } from '../common.ts';

export const keyHeader: CelRule = {
  rule: "self.by == 'Header' ? has(self.header) : !has(self.header)",
  message: 'header is required when by is Header, and must be absent otherwise',
  fieldPath: '.header',
};
