/** Units in which the schema's defaults and limits are written: milliseconds and bytes. */
export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const DAY = 24 * 60 * MINUTE;
export const KB = 1000;
export const MB = 1000 * KB;
export const MIB = 1024 * 1024;
