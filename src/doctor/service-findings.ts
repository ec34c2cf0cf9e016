import { isCertificateFault, isUnknownHost, tlsText } from '../egress/failure-text.js';
import { failureVerdict } from '../upstream/abuse-check.js';
import { advice } from './advice.js';
import { clockFindings } from './clock-findings.js';
import type { Code } from './codes.js';
import { error, type Finding, ok, warning } from './finding.js';
import type { ListenerSeen } from './service-probe.js';

/** What is said about one listener. */
export interface ListenerQuestion {
  readonly code: Extract<Code, 'listener' | 'admin'>;
  readonly url: string;
  /** Is it on this machine, at the port of the settings? Then another program may have that port. */
  readonly isOwn: boolean;
  /** Do clients reach it under another name? Then its certificate need not be for this one. */
  readonly hasOtherName: boolean;
  /** Is it a fault that nothing listens there? */
  readonly mustListen: boolean;
  /** The line that starts the service; undefined: it runs. */
  readonly startLine: string | undefined;
}

/** Who answers at a listener's address, judged. Pure. */
export function listenerFindings(seen: ListenerSeen, question: ListenerQuestion): readonly Finding[] {
  const { code, url } = question;
  const place = { url };
  switch (seen.kind) {
    case 'hubwire': {
      const isReady = seen.status === 200;
      const main = isReady ? ok(code, place, seen.text) : warning(code, place, seen.text, ['wait until it is ready']);
      return [main, ...clockFindings(seen.headers, seen.atMs, 'the service', place)];
    }
    case 'other':
      return [otherFinding(seen, question)];
    case 'scheme': {
      const spoken =
        seen.spoken === 'https' ? 'it speaks TLS, and the URL is one of plain HTTP' : 'it does not speak TLS';
      return [error(code, place, spoken, advice.otherScheme(seen.spoken, code === 'admin'))];
    }
    case 'failure':
      return [failureFinding(seen, question)];
  }
}

function otherFinding(
  { status, process }: Extract<ListenerSeen, { kind: 'other' }>,
  { code, url, isOwn }: ListenerQuestion,
): Finding {
  const answered = status === undefined ? 'an answer that is not HTTP' : `an answer with status ${status}`;
  const seen = `${answered}, and not from Hubwire`;
  if (!isOwn) return error(code, { url }, seen, advice.notThisService);
  const who = process === undefined ? 'another program' : `another program (${process})`;
  return error('ports', { url }, `${seen}: ${who} has the port (EADDRINUSE)`, advice.portTaken);
}

function failureFinding(
  { failure }: Extract<ListenerSeen, { kind: 'failure' }>,
  { code, url, mustListen, hasOtherName, startLine }: ListenerQuestion,
): Finding {
  const { answered } = failureVerdict(failure, { origin: new URL(url).origin });
  if (hasOtherName && isCertificateFault(failure.code)) {
    return ok(code, { url }, 'it speaks TLS, with a certificate for another name or of another authority');
  }
  const tls = tlsText(failure.code);
  if (tls !== undefined) return error('tls', { url }, answered, advice.ownCertificate);
  const steps = isUnknownHost(failure.code) ? advice.unknownHost : advice.notRunning(startLine);
  return (mustListen ? error : warning)(code, { url }, answered, steps);
}
