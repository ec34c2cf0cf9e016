import { PubSubError } from '../errors.js';

/** UTF-16 units that a message quotes of one text: an answer must not outgrow the request that it is about. */
const maxQuotedLength = 1024;

/** `expression` is the part of the filter that is wrong, `detail` a sentence about it. [rest-api 4.3] */
export function invalidFilter(expression: string, detail: string): PubSubError {
  return new PubSubError('invalid', `Invalid syntax for ${quoted(expression)}: ${detail} (Parameter 'filter')`);
}

/** The text does not follow the grammar; `position` is an offset in UTF-16 units. [rest-api 4.3] */
export function syntaxError(text: string, position: number, what = 'Syntax error'): PubSubError {
  return invalidFilter(text, `${what} at position ${position} in ${quoted(text)}.`);
}

export function notSupported(token: string): string {
  return `Token ${quoted(token)} is not supported.`;
}

export function invalidToken(token: string): string {
  return `Invalid token ${quoted(token)}.`;
}

function quoted(text: string): string {
  return text.length <= maxQuotedLength ? `'${text}'` : `'${text.slice(0, cutOf(text))}…'`;
}

/** A character of two units stays whole. */
function cutOf(text: string): number {
  const unit = text.charCodeAt(maxQuotedLength);
  return unit >= 0xdc00 && unit <= 0xdfff ? maxQuotedLength - 1 : maxQuotedLength;
}
