/** Natural languages that can be told apart, ISO 639-1. */
export const LANGUAGES: readonly string[] =
  'ar bg bn cs da de el en es fa fi fr he hi hu id it ja ko nl no pl pt ro ru sk sv ta te th tr uk vi zh'.split(
    ' ',
  );
