/** What vectors are for, in the words of callers. */
export type Purpose = 'Document' | 'Query' | 'Classification' | 'Clustering';

const WORDS: Readonly<Record<string, Purpose>> = {
  search_document: 'Document',
  search_query: 'Query',
  classification: 'Classification',
  clustering: 'Clustering',
  // As NVIDIA, Voyage and Jina name them.
  passage: 'Document',
  document: 'Document',
  query: 'Query',
  // As Google does.
  retrieval_document: 'Document',
  retrieval_query: 'Query',
};

/** Undefined: none is named, or one that we do not know. */
export function purposeOf(word: string | undefined): Purpose | undefined {
  const lower = word?.toLowerCase() ?? '';
  return Object.hasOwn(WORDS, lower) ? WORDS[lower] : undefined;
}
