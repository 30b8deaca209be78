/** Vendors besides OpenAI, whose paths or headers tell them apart. Adding one is adding a line here. */
import { ANTHROPIC } from './anthropic.ts';
import type { Vendor } from './vendor.ts';

export const VENDORS: readonly Vendor[] = [ANTHROPIC];
