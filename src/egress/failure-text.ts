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

const untrusted: FailureText = {
  what: 'its certificate is not signed by an authority that this machine trusts',
  advice: 'set NODE_EXTRA_CA_CERTS to a PEM file with the certificate of its authority, and start Hubwire with it',
};

const certificateFaults: Readonly<Record<string, FailureText>> = {
  CERT_HAS_EXPIRED: { what: 'its certificate has expired', advice: 'renew the certificate' },
  CERT_NOT_YET_VALID: {
    what: 'its certificate is not valid yet',
    advice: 'check the clock of this machine, or wait until the certificate is valid',
  },
  ERR_TLS_CERT_ALTNAME_INVALID: {
    what: 'its certificate is for another host name',
    advice: 'write a host name of the certificate in the URL, or get a certificate for this one',
  },
  DEPTH_ZERO_SELF_SIGNED_CERT: { what: 'its certificate is self-signed', advice: untrusted.advice },
  SELF_SIGNED_CERT_IN_CHAIN: untrusted,
  UNABLE_TO_GET_ISSUER_CERT: untrusted,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: untrusted,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: untrusted,
};

/** Was a TLS connection refused because of the certificate? @param code the system's or library's error code */
export function isCertificateFault(code: string | undefined): boolean {
  return code !== undefined && certificateFaults[code] !== undefined;
}

/** Was the host's name not found? @param code the system's error code */
export function isUnknownHost(code: string | undefined): boolean {
  return code === 'ENOTFOUND' || code === 'EAI_AGAIN';
}

/** Why no TLS connection was made; undefined when it was not for TLS. @param code the system's or library's error code */
export function tlsText(code: string | undefined): FailureText | undefined {
  if (code === undefined) return undefined;
  if (code !== 'EPROTO' && !code.startsWith('ERR_SSL_')) return certificateFaults[code];
  return { what: 'the answer is not TLS', advice: 'write http:// in the URL if it speaks plain HTTP on that port' };
}

/** Behind `no connection to …`: why there is none. @param code the system's or library's error code */
export function causeText(code: string | undefined): string {
  if (code === undefined) return '';
  const tls = tlsText(code);
  return tls === undefined ? ` (${code})` : `: ${tls.what} (${code})`;
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

/** Why an attempt of a delivery has no answer. */
export function attemptText(failure: Failure, { origin, timeoutMs }: { origin: string; timeoutMs: number }): string {
  const code = failure.code === undefined ? '' : ` (${failure.code})`;
  switch (failure.failure) {
    case 'timeout':
    case 'queueTimeout':
      return `no answer within ${timeoutMs / 1000} s`;
    case 'head':
      return headText(failure.code).what;
    case 'proxy':
      return proxyText(failure, origin).what;
    case 'cancelled':
      return 'the service stopped before the answer came';
    case 'unsendable':
      return `the request could not be sent${code}`;
    case 'connection':
      return `no connection${causeText(failure.code)}`;
    case 'body':
      return `the connection broke in the middle of the answer${code}`;
    default:
      return `no answer (${failure.failure})`;
  }
}
