/** What names and values are made of (RFC 9110 §5.5 and §5.6.2), as sources of regular expressions over latin1. */

export const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const IN_VALUE = '\\t\\x20-\\x7e\\x80-\\xff';
export const VALUE = `[${IN_VALUE}]*`;
export const NOT_IN_VALUE = `[^${IN_VALUE}]`;
