/**
 * The forms that a text in the configuration can have: durations, sizes, addresses, paths, URLs. Each function takes
 * the text and gives the value, or what is wrong with it and what to write instead. Pure.
 */
import { isIPv4, isIPv6 } from 'node:net';
import { isAbsolute } from 'node:path';

export type Parsed<T> = { ok: true; value: T } | { ok: false; message: string; hint: string };

const wrong = (message: string, hint = ''): { ok: false; message: string; hint: string } => ({
  ok: false,
  message,
  hint,
});

/** A value from the file as a message shows it: quoted, escaped and shortened. */
export function shown(text: string): string {
  const escaped = JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text).slice(1, -1);
  return `\`${escaped.replaceAll('\\"', '"')}\``;
}

const UNIT_MS = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
]);
const DURATION = /^(?:(?:\d+\.?\d*|\.\d+)(?:ms|s|m|h))+$/;
const DURATION_PART = /(\d+\.?\d*|\.\d+)(ms|s|m|h)/g;
export const DURATION_FORM = 'a duration such as `30s`, `1m30s`, `500ms` or `1.5h`';

/** Milliseconds of a duration as Go writes it; `0` needs no unit. Parts of a millisecond are refused. */
export function parseDuration(text: string): Parsed<number> {
  if (text === '0') return { ok: true, value: 0 };
  if (!DURATION.test(text)) {
    const better = tidyDuration(text);
    return wrong(`wants ${DURATION_FORM}, given ${shown(text)}`, better === null ? '' : `write \`${better}\``);
  }
  let sum = 0;
  for (const [, count, unit] of text.matchAll(DURATION_PART)) sum += Number(count) * (UNIT_MS.get(unit ?? '') ?? 0);
  const whole = Math.round(sum);
  if (!Number.isSafeInteger(whole)) return wrong(`${shown(text)} is too long a time`);
  // 1.1 s is 1100.0000000000002 ms in binary
  if (Math.abs(sum - whole) > 1e-6) return wrong(`${shown(text)} is finer than a millisecond`);
  return { ok: true, value: whole };
}

/** What was probably meant: `30` is `30s`, `30 sec` is `30s`, `2d` is `48h`; null when that is not to be seen. */
function tidyDuration(text: string): string | null {
  const [, count, unit] = /^(\d+)\s*([a-z]*)$/i.exec(text.trim()) ?? [];
  if (count === undefined || unit === undefined) return null;
  const word = unit.toLowerCase();
  if (word === '' || /^s(ecs?|econds?)?$/.test(word)) return `${count}s`;
  if (/^m(ins?|inutes?)?$/.test(word)) return `${count}m`;
  if (/^h(rs?|ours?)?$/.test(word)) return `${count}h`;
  if (/^(ms|millis|milliseconds?)$/.test(word)) return `${count}ms`;
  if (/^d(ays?)?$/.test(word)) return `${Number(count) * 24}h`;
  return null;
}

const UNIT_BYTES = new Map([
  ['B', 1],
  ...['K', 'M', 'G', 'T'].flatMap((letter, i): [string, number][] => [
    [`${letter}B`, 1000 ** (i + 1)],
    [`${letter}iB`, 1024 ** (i + 1)],
  ]),
]);
const SIZE = /^(\d+(?:\.\d+)?) ?([KMGT]?i?B)$/;
export const SIZE_FORM = 'a number of bytes, or a size such as `500MB` (decimal) or `500MiB` (binary)';

/** Bytes of a size with a unit; a part of a byte is rounded. */
export function parseSize(text: string): Parsed<number> {
  const [, count, unit] = SIZE.exec(text) ?? [];
  const factor = UNIT_BYTES.get(unit ?? '');
  if (factor === undefined) {
    const [, digits, letters] = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim()) ?? [];
    const letter = letters?.charAt(0).toUpperCase() ?? '';
    const unitMeant = letter === '' || letter === 'B' ? '' : `${letter}${/ib?$/i.test(letters ?? '') ? 'i' : ''}B`;
    const known = unitMeant === '' || UNIT_BYTES.has(unitMeant);
    const hint = digits !== undefined && known ? `write \`${digits}${unitMeant}\`` : '';
    return wrong(`wants ${SIZE_FORM}, given ${shown(text)}`, hint);
  }
  const value = Math.round(Number(count) * factor);
  return Number.isSafeInteger(value) ? { ok: true, value } : wrong(`${shown(text)} is too large`);
}

const HOST_NAME = /^(?=.{1,253}$)(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*\.?$/;

/** HOST:PORT: a name, an IPv4 address, or an IPv6 address in brackets. */
export function parseAddress(text: string): Parsed<string> {
  const given = `wants HOST:PORT, given ${shown(text)}`;
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(text)?.[0];
  if (scheme !== undefined) return wrong(given, `leave \`${scheme}\` away`);
  if (isIPv6(text)) return wrong(given, 'an IPv6 address stands in brackets: `[::1]:9090`');
  const [, host = '', port = ''] = /^(.*):(\d*)$/.exec(text) ?? [];
  if (host === '' && port === '') return wrong(given, 'add the port, such as `manager.example.com:9090`');
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65535) {
    return wrong(given, 'the port is a number from 1 to 65535');
  }
  const inner = /^\[(.*)\]$/.exec(host)?.[1];
  if (inner !== undefined) return isIPv6(inner) ? { ok: true, value: text } : wrong(`${given}: no IPv6 address`);
  if (isIPv6(host)) return wrong(given, `an IPv6 address stands in brackets: \`[${host}]:${port}\``);
  // a name of digits only is an address with a slip in it
  if (/^[\d.]+$/.test(host) && !isIPv4(host)) return wrong(`${given}: no IPv4 address`);
  return HOST_NAME.test(host) ? { ok: true, value: text } : wrong(`${given}: no host name`);
}

/** ADDRESS:PORT of the loopback interface, nothing that another host could reach. A name may lead elsewhere. */
export function parseLoopbackAddress(text: string): Parsed<string> {
  const given = `wants a loopback address with a port such as \`127.0.0.1:9092\` or \`[::1]:9092\`, given ${shown(text)}`;
  const address = parseAddress(text);
  const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(text) ?? [];
  if (host === 'localhost') return wrong(given, `write \`127.0.0.1:${port}\``);
  if (!address.ok) return wrong(given);
  if (host === '[::1]' || (isIPv4(host) && host.startsWith('127.'))) return address;
  return wrong(given, 'it asks nobody who they are, so that it is served to this host alone');
}

/** An absolute path, as it is given: no variables, no `~`. */
export function parsePath(text: string): Parsed<string> {
  if (isAbsolute(text)) return { ok: true, value: text };
  const hint = /[~$]/.test(text) ? '`~` and variables are not expanded' : 'begin with `/`';
  return wrong(`wants an absolute path, given ${shown(text)}`, hint);
}

/** An http or https URL. */
export function parseHttpUrl(text: string): Parsed<string> {
  const given = `wants a URL with http or https, given ${shown(text)}`;
  if (!/^https?:\/\//i.test(text)) {
    return wrong(given, /^([\w.-]+|\[[\d:a-f]+\])(:\d+)?(\/|$)/i.test(text) ? `write ${shown(`http://${text}`)}` : '');
  }
  return URL.canParse(text) ? { ok: true, value: text } : wrong(given);
}
