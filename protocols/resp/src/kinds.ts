/** The kinds of messages, as in `kind.rs`. */
export const PART = 255;
export const ARGUMENTS = 254;

export const SIMPLE = 1;
export const ERROR = 2;
export const INTEGER = 3;
export const BULK = 4;
export const NULL = 5;
export const DOUBLE = 6;
export const BOOLEAN = 7;
export const BIG_NUMBER = 8;
export const VERBATIM = 9;
export const ARRAY = 10;
export const SET = 11;
export const MAP = 12;
export const PUSH = 13;
export const ATTRIBUTE = 14;
export const RAW = 15;

/** The most fields that a message has, but for the last two of a longer command. */
export const MOST_FIELDS = 8192;
