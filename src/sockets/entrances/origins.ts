/**
 * May a page of this origin connect? Only browsers send an `Origin` that can be relied on, and programs send none.
 * @param allowed `https://app.example`, `app.example:8080` for any scheme, or `*.app.example` for subdomains
 */
export function isOriginAllowed(allowed: readonly string[], origin: string): boolean {
  const full = origin.toLowerCase();
  const host = full.replace(/^[a-z][a-z0-9+.-]*:\/\//, '');
  return allowed.some(each => {
    const pattern = each.toLowerCase();
    const text = pattern.includes('://') ? full : host;
    const star = pattern.indexOf('*');
    if (star < 0) return text === pattern;
    const [start, end] = [pattern.slice(0, star), pattern.slice(star + 1)];
    return text.length > start.length + end.length && text.startsWith(start) && text.endsWith(end);
  });
}
