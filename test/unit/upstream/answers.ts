import type { Response, ResponseHeaders } from '../../../src/egress/exchange.js';
import type { Answerer } from '../../../src/upstream/reply.js';
import { parseUrlTemplate } from '../../../src/upstream/url-template.js';

/** What an app server answered. */
export function response(status: number, body: string | Buffer = '', headers: ResponseHeaders = {}): Response {
  return { kind: 'response', status, headers, body: Buffer.from(body) };
}

/** The handler that answered. */
export const answerer: Answerer = { hub: 'chat', template: parseUrlTemplate('http://app/{event}') };
