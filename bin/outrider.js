#!/usr/bin/env node
import { existsSync } from 'node:fs';

const [major] = process.versions.node.split('.').map(Number);
if (major < 24) {
  process.stderr.write(`outrider: Node ${process.versions.node} is too old; it needs 24 or newer\n`);
  process.exit(2);
}
const bundle = new URL('../dist/outrider.js', import.meta.url);
const sources = new URL('../cli/main.ts', import.meta.url);
await import((existsSync(sources) ? sources : bundle).href);
