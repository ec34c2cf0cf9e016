/** The scheme in any letter case, then one token. [rest-api 1.1, client-protocols 1.3] */
const bearer = /^bearer +(\S+) *$/i;

/** The token of an `Authorization` header; undefined when it contains none. */
export function bearerToken(authorization: string | undefined): string | undefined {
  return bearer.exec(authorization ?? '')?.[1];
}
