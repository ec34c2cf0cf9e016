/**
 * The first coding of a `Content-Encoding` header that changes the body, such as `gzip`; undefined: the body is as it is.
 * [RFC 9110 8.4]
 */
export function contentCoding(header: string): string | undefined {
  return header
    .split(',')
    .map(coding => coding.trim())
    .find(coding => coding !== '' && coding.toLowerCase() !== 'identity');
}
