import { isUtf8 } from 'node:buffer';
import type { ConnectRequest } from '../hub/ports.js';

/** All of it can be Latin-1, and some of it is not ASCII. */
const maybeMisread = /^[\x00-\xff]*[\x80-\xff][\x00-\xff]*$/;

/**
 * Reverses a wrong decoding. `ce-userId` is UTF-8, but many servers decode headers as Latin-1 and return the result in their
 * response; it is replaced by the name that was sent. Only names of the token are recognised, since its signer chose them;
 * what the client itself may write, in a query or a header, is not compared. [upstream-events D20]
 */
export function asSent(name: string, { userId, claims }: Pick<ConnectRequest, 'userId' | 'claims'>): string {
  if (!maybeMisread.test(name)) return name;
  const bytes = Buffer.from(name, 'latin1');
  if (!isUtf8(bytes)) return name;
  const meant = bytes.toString('utf8');
  const wasSent = meant === userId || Object.values(claims).some(values => values.includes(meant));
  return wasSent ? meant : name;
}
