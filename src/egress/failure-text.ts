import type { Failure } from './exchange.js';

/** What happened, and what to do about it; both are parts of a sentence for people. */
export interface FailureText {
  readonly what: string;
  readonly advice: string;
}

/** What was wrong with the head of an answer. @param code the library's error code, or its parser's message */
export function headText(code: string | undefined): FailureText {
  if (code === 'UND_ERR_HEADERS_OVERFLOW') {
    return { what: 'the headers of the answer are larger than 64 KiB', advice: 'send fewer or smaller headers' };
  }
  const advice = 'check that it writes HTTP/1.1 and nothing else to the connection';
  if (code === 'UND_ERR_SOCKET')
    return { what: 'the answer ended in its headers, or is of a kind that is not allowed', advice };
  if (code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH') return { what: 'the answer has contradictory lengths', advice };
  return { what: `the answer is not HTTP (${code ?? 'unknown fault'})`, advice };
}

/** Why a proxy did not pass a request on. */
export function proxyText({ proxy, code }: Failure, origin: string): FailureText {
  const status = code?.replace('PROXY_', '');
  const advice =
    status === '407'
      ? 'write the user name and password into its URL, as in http://user:password@host:port'
      : `allow ${origin} there, or add its host to NO_PROXY`;
  return { what: `the proxy ${proxy} answered ${status}`, advice };
}
