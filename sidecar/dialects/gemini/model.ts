/** What a Google model can, by its name: the API says it nowhere else. Unknown names are taken for the newest. */

export interface GeminiModel {
  /** Major version; undefined for models that are no Gemini (Gemma, tuned endpoints). */
  readonly generation: number | undefined;
  /** How thinking is asked for. Budget: in tokens (2.5). Level: by a word (3 and later). None: not at all. */
  readonly thinking: 'None' | 'Budget' | 'Level';
  /** Thinking can be turned off. */
  readonly canStop: boolean;
  /** Words it takes as a thinking level, the least first. */
  readonly levels: readonly string[];
  /** Takes JSON schemas as they are (2.0 and later); else a subset of OpenAPI's. */
  readonly jsonSchema: boolean;
  /** Refuses calls of the current turn that come back without their thought signature (3 and later). */
  readonly wantsSignatures: boolean;
  /** Takes media in function responses, and JSON output beside tools (3 and later). */
  readonly mixes: boolean;
}

const FLASH_LEVELS = ['MINIMAL', 'LOW', 'MEDIUM', 'HIGH'];
const PRO_LEVELS = ['LOW', 'MEDIUM', 'HIGH'];
const FIRST_PRO_LEVELS = ['LOW', 'HIGH'];

export function modelOf(name: string): GeminiModel {
  const plain = name.slice(name.lastIndexOf('/') + 1).toLowerCase();
  const version = /^gemini-(?:[a-z]+-)?(\d+)(?:\.(\d+))?/.exec(plain);
  const gemini = plain.startsWith('gemini');
  // `gemini-pro` and `gemini-pro-vision` were the first; `gemini-flash-latest` and its like follow the newest.
  const first = /^gemini-(pro|ultra)(-vision)?(-\d{3})?$/.test(plain);
  const major = version ? Number(version[1]) : first ? 1 : 3;
  const minor = version ? Number(version[2] ?? 0) : 0;
  const generation = gemini ? major : undefined;
  const newest = generation !== undefined && generation >= 3;
  const pro = plain.includes('pro');
  const image = plain.includes('image');
  return {
    generation,
    thinking: newest && !image ? 'Level' : generation === 2 && minor >= 5 && !image ? 'Budget' : 'None',
    canStop: generation === 2 && minor >= 5 && !pro,
    levels: !pro ? FLASH_LEVELS : generation === 3 && minor === 0 && version ? FIRST_PRO_LEVELS : PRO_LEVELS,
    jsonSchema: generation === undefined || generation >= 2,
    wantsSignatures: newest,
    mixes: newest,
  };
}
