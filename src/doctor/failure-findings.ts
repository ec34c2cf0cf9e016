import type { Failure } from '../egress/exchange.js';
import { isUnknownHost, tlsText } from '../egress/failure-text.js';
import type { Verdict } from '../upstream/validation.js';
import { advice } from './advice.js';
import { error, type Finding, type Place } from './finding.js';
import type { HandlerObservation } from './handler-probe.js';
import { isTunnel } from './hosts.js';

/** No answer that could be read came. Pure. */
export function failureFinding(
  { check, more, machine }: HandlerObservation,
  { code }: Failure,
  verdict: Extract<Verdict, { isValid: false }>,
  place: Place,
): Finding {
  const because = [verdict.advice];
  const { elsewhere, otherScheme } = more;
  if (otherScheme !== undefined) {
    const seen = `${verdict.answered}: it speaks ${otherScheme === 'http' ? 'plain HTTP' : 'TLS'} there`;
    return error('tls', place, seen, [`write ${otherScheme}:// in urlTemplate`, ...because]);
  }
  if (tlsText(code) !== undefined) return error('tls', place, verdict.answered, because);
  if (elsewhere?.isOwnMachine === true) {
    const seen = `${verdict.answered} at ${check.origin}, while something listens at ${elsewhere.url}`;
    return error('ports', place, seen, [...advice.otherFamily(elsewhere.url), ...because]);
  }
  if (code === 'ECONNREFUSED') {
    const { isContainer } = machine;
    return error('refused', place, verdict.answered, [
      ...advice.refused({ elsewhere: elsewhere?.url, isContainer }),
      ...because,
    ]);
  }
  if (isUnknownHost(code)) {
    return error('dns', place, verdict.answered, [...(isTunnel(check.origin) ? advice.tunnelGone : []), ...because]);
  }
  return error('no-answer', place, verdict.answered, because);
}
