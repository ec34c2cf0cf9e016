/** What ends the head of an HTTP message. */
export const headEnd = Buffer.from('\r\n\r\n');

const contentLength = /\r\ncontent-length: *(\d+)/i;

const close = /\r\nconnection: *close\r\n/i;

/** Is it the last of its connection? @param start of the body */
export function isLast(message: Buffer, start: number): boolean {
  return close.test(message.toString('latin1', 0, start));
}

/** Where the body begins, once all of the message is there; undefined before. The body has no chunks. */
export function bodyStart(message: Buffer): number | undefined {
  const start = message.indexOf(headEnd) + headEnd.length;
  if (start < headEnd.length) return undefined;
  const [, bodyBytes = '0'] = contentLength.exec(message.toString('latin1', 0, start)) ?? [];
  return message.length >= start + Number(bodyBytes) ? start : undefined;
}
