import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto';

/** The least check of a token: its HS256 signature. Its claims are parsed, and not looked at. @throws Error when it is wrong */
export function tokenCheck(keyText: string): (token: string) => unknown {
  const key = createSecretKey(Buffer.from(keyText));
  return token => {
    const [header = '', claims = '', signature = ''] = token.split('.');
    const computed = createHmac('sha256', key).update(`${header}.${claims}`).digest('base64url');
    if (!timingSafeEqual(Buffer.from(signature), Buffer.from(computed))) throw new Error('the token is not signed');
    return JSON.parse(Buffer.from(claims, 'base64url').toString());
  };
}
