import { authoritiesIn } from '../auth/audience.js';
import { tlsText } from '../egress/failure-text.js';
import { shown } from '../upstream/reply.js';
import { advice } from './advice.js';
import { error, type Finding, ok, type Place, warning } from './finding.js';
import type { UpgradeSeen } from './web-socket.js';

/**
 * What an upgrade with a token for another host was answered, judged. The service refuses it before any app server is told, and names
 * the hosts that it would take. Pure.
 * @param endpoint that it was sent to
 */
export function upgradeFindings(seen: UpgradeSeen, endpoint: string): readonly Finding[] {
  const place = { url: endpoint };
  switch (seen.kind) {
    case 'failed':
      return [failedFinding(seen, place)];
    case 'open':
      return [
        error('listener', place, 'the upgrade was accepted with a token for another host', advice.notThisService),
      ];
    case 'refused':
      return [refusedFinding(seen, place, endpoint)];
  }
}

export function failedFinding({ code, reason }: Extract<UpgradeSeen, { kind: 'failed' }>, place: Place): Finding {
  const tls = tlsText(code);
  if (tls !== undefined) return error('tls', place, `no connection: ${tls.what} (${code})`, advice.ownCertificate);
  if (code === 'ECONNREFUSED' || code === 'ENOTFOUND')
    return error('listener', place, `no connection (${code})`, advice.notThisService);
  return error('ws-proxy', place, `the upgrade was not answered: ${shown(reason)}`, advice.wsUpgrade);
}

/** The answer of something that is not the service, or of the service about what a proxy left of the request. */
export function refusedFinding(
  { status, body }: Extract<UpgradeSeen, { kind: 'refused' }>,
  place: Place,
  endpoint: string,
): Finding {
  const authorities = authoritiesIn(body);
  if (authorities !== undefined) return hostFinding(authorities, place, endpoint);
  const seen = `answered ${status} to a WebSocket upgrade${bodyText(body)}`;
  if (status === 401 && body.includes('not signed')) {
    const step = 'give doctor the keys of the running service: HUBWIRE_PRIMARY_KEY or HUBWIRE_PRIMARY_KEY_FILE';
    return error('key', place, `${body}: it runs with other keys than those given here`, [step]);
  }
  if (status === 503 || status === 429) return warning('listener', place, seen, ['try again in a moment']);
  return error('ws-proxy', place, seen, advice.wsUpgrade);
}

/** The text of an answer behind its status; of a page only that it is one. */
export function bodyText(body: string): string {
  const text = body.trim();
  if (text === '') return '';
  return text.startsWith('<') ? ' with a page of HTML' : `: ${shown(text)}`;
}

function hostFinding(authorities: readonly string[], place: Place, endpoint: string): Finding {
  const own = new URL(endpoint).host;
  if (authorities.includes(own)) return ok('listener', place, 'WebSocket upgrades reach the service');
  const seen = `the service does not see this host: it answers to ${authorities.join(', ')}`;
  return error('token-aud', place, seen, advice.audience);
}
