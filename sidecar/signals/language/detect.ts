/**
 * The natural language of a text: by its script where that says it, else by small words and by letters that few languages
 * have. No model and no library; the tables are built when the first rule asks.
 */
import { known, type Reading, unknown } from '../reading.ts';
import { LETTERS, WORDS } from './words.ts';

/** Characters that are looked at. */
const MOST_CHARACTERS = 2000;
/** Letters below which nothing is said of a script with several languages. */
const FEWEST_LETTERS = 8;

const SCRIPTS: readonly (readonly [RegExp, string])[] = [
  [/[\p{Script=Hiragana}\p{Script=Katakana}]/gu, 'ja'],
  [/\p{Script=Hangul}/gu, 'ko'],
  [/\p{Script=Han}/gu, 'zh'],
  [/\p{Script=Greek}/gu, 'el'],
  [/\p{Script=Hebrew}/gu, 'he'],
  [/\p{Script=Devanagari}/gu, 'hi'],
  [/\p{Script=Bengali}/gu, 'bn'],
  [/\p{Script=Tamil}/gu, 'ta'],
  [/\p{Script=Telugu}/gu, 'te'],
  [/\p{Script=Thai}/gu, 'th'],
];
const PERSIAN = /[پچژگکی]/g;

interface Tables {
  /** Languages that have the word, and what it is worth to each: the fewer have it, the more. */
  words: ReadonlyMap<string, readonly string[]>;
  letters: ReadonlyMap<string, readonly string[]>;
}

let tables: Tables | undefined;

/** `value` with a score of 0 to 100 in what is said; unknown where there is too little text or two languages are as likely. */
export function detectLanguage(text: string): Reading<string> {
  const read = text.length > MOST_CHARACTERS ? text.slice(0, MOST_CHARACTERS) : text;
  const letters = count(read, /\p{L}/gu);
  if (letters === 0) return unknown('there is no text');
  const kana = count(read, SCRIPTS[0]?.[0] as RegExp);
  // Japanese is written with Chinese characters besides its own.
  if (kana > 0 && kana + count(read, /\p{Script=Han}/gu) > letters / 2) return found('ja', 100);
  for (const [script, language] of SCRIPTS) {
    const share = count(read, script) / letters;
    if (share > 0.5) return found(language, Math.round(100 * share));
  }
  if (count(read, /\p{Script=Arabic}/gu) > letters / 2) {
    return found(count(read, PERSIAN) * 20 > letters ? 'fa' : 'ar', 90);
  }
  return letters < FEWEST_LETTERS ? unknown('there is too little text for a language') : byWords(read);
}

const found = (language: string, score: number): Reading<string> =>
  known(language, `language ${language}, score ${score}`);

const count = (text: string, pattern: RegExp): number => text.match(pattern)?.length ?? 0;

function byWords(text: string): Reading<string> {
  tables ??= { words: indexed(WORDS, ' '), letters: indexed(LETTERS, '') };
  const points = new Map<string, number>();
  const add = (languages: readonly string[] | undefined, worth: number) => {
    for (const one of languages ?? [])
      points.set(one, (points.get(one) ?? 0) + worth / (languages?.length ?? 1));
  };
  const lower = text.toLowerCase();
  const words = lower.match(/[\p{L}\p{M}]+/gu) ?? [];
  for (const word of words) add(tables.words.get(word), word.length > 1 ? 2 : 1);
  for (const letter of lower) if (letter > '\u007f') add(tables.letters.get(letter), 0.7);
  const ranked = [...points].sort((a, b) => b[1] - a[1]);
  const [best, second] = ranked;
  if (!best || best[1] < 1.5) return unknown('no language is recognised');
  const sure = best[1] / (best[1] + (second?.[1] ?? 0));
  return sure < 0.54
    ? unknown(`${best[0]} and ${second?.[0]} are as likely`)
    : found(best[0], Math.round(100 * sure));
}

function indexed(lists: Record<string, string>, separator: string): ReadonlyMap<string, readonly string[]> {
  const index = new Map<string, string[]>();
  for (const [language, list] of Object.entries(lists)) {
    for (const entry of new Set(list.split(separator))) {
      const languages = index.get(entry);
      if (languages) languages.push(language);
      else index.set(entry, [language]);
    }
  }
  return index;
}
