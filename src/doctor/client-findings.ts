import { isAudienceText } from '../auth/audience.js';
import { advice } from './advice.js';
import type { ClientFault, ClientSeen } from './client-probe.js';
import { error, type Finding, ok, type Place } from './finding.js';
import { bodyText, failedFinding, refusedFinding } from './upgrade-findings.js';

/** What a client met, judged. Pure. @param keepAliveMs of its hub */
export function clientFinding({ hub, steps, fault }: ClientSeen, endpoint: string, keepAliveMs: number): Finding {
  const place = { hub, url: endpoint };
  const text = steps.map(({ name, durationMs }) => `${name} ${Math.round(durationMs)} ms`).join(', ');
  return fault === undefined ? ok('client', place, text) : faultFinding(fault, place, endpoint, keepAliveMs);
}

function faultFinding(fault: ClientFault, place: Place, endpoint: string, keepAliveMs: number): Finding {
  switch (fault.kind) {
    case 'upgrade':
      return upgradeFinding(fault, place, endpoint);
    case 'refused':
      return error('client', place, `${fault.step} was refused: ${fault.text}`, advice.doctorClient);
    case 'silent':
      return error('client', place, `no answer to ${fault.step}`, advice.doctorClient);
    case 'closed': {
      const { code, reason } = fault.closed;
      const how = `closed with ${code}${reason === '' ? '' : ` ${reason}`}`;
      // The service closes with a Close frame and a code; something on the way does not.
      if (code === 1006) {
        const seen = `cut without a Close frame ${fault.step === 'idle' ? 'while nothing was sent' : `at ${fault.step}`}`;
        return error('ws-proxy', place, seen, advice.wsIdle(Math.ceil(keepAliveMs / 1000)));
      }
      return error('client', place, `${how} at ${fault.step}`, advice.doctorClient);
    }
  }
}

function upgradeFinding({ seen }: Extract<ClientFault, { kind: 'upgrade' }>, place: Place, endpoint: string): Finding {
  if (seen.kind === 'failed') {
    return seen.reason.includes('handshake has timed out')
      ? error('client', place, 'no answer to the upgrade: connect may be waiting for the app', advice.doctorClient)
      : failedFinding(seen, place);
  }
  const { status, body } = seen;
  // These are the service's, or those of the app's connect handler.
  const isOwn = [401, 403, 404, 500].includes(status) && !body.includes('not signed') && !isAudienceText(body);
  if (!isOwn) return refusedFinding(seen, place, endpoint);
  return error('client', place, `the upgrade was answered ${status}${bodyText(body)}`, advice.doctorClient);
}
