/** Keys that someone on the way could replace would let anyone in; only this machine is reached without TLS. */
export const secureUrl =
  '^(https://[^/?#@\\s]+|http://(localhost|127\\.\\d+\\.\\d+\\.\\d+|\\[::1\\])(:[^/?#@\\s]*)?)([/?#]|$)';

export const httpUrl = '^https?://[^/?#@\\s]+([/?#]|$)';
export const redisUrl = '^rediss?://[^/\\s]';
/** A cluster has database 0 only. */
export const redisNodeUrl = '^rediss?://[^/\\s]+(/0?)?$';

/** Stands in URLs, so it has only characters that are not escaped there, and is none of the segments that URL parsers remove. */
export const urlToken =
  '^([A-Za-z0-9_~-][A-Za-z0-9_.~-]{0,127}|\\.[A-Za-z0-9_~-][A-Za-z0-9_.~-]{0,126}|\\.\\.[A-Za-z0-9_.~-]{1,126})$';

export const endpointId = '^[A-Za-z0-9_-]{1,64}$';

/** What each pattern takes, as in "must be …". */
export const patternTexts: Readonly<Record<string, string>> = {
  [secureUrl]: 'an https URL, or an http URL of this machine',
  [httpUrl]: 'an http or https URL',
  [redisUrl]: 'a URL that starts with redis:// or rediss://',
  [redisNodeUrl]: 'a URL such as redis://host:6379, without a database: a cluster has only one',
  [urlToken]: '1 to 128 letters, digits and . _ ~ -, without spaces, and neither "." nor ".."',
  [endpointId]: '1 to 64 letters, digits, _ and -',
};
