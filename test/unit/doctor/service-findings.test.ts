import { describe, expect, test } from 'vitest';
import { whys } from '../../../src/doctor/codes.js';
import { type ListenerQuestion, listenerFindings } from '../../../src/doctor/service-findings.js';

const question: ListenerQuestion = {
  code: 'listener',
  url: 'http://hubs.invalid',
  isOwn: false,
  hasOtherName: false,
  mustListen: true,
  startLine: 'hubwire start',
};

function found(code: string, change: Partial<ListenerQuestion> = {}) {
  const seen = { kind: 'failure', failure: { kind: 'failure', failure: 'connection', code } } as const;
  return listenerFindings(seen, { ...question, ...change });
}

describe('a listener that is not reached', () => {
  test.each(['ENOTFOUND', 'EAI_AGAIN'])('%s: the host is to be corrected, not the service to be started', code => {
    const [finding] = found(code);
    expect(finding).toMatchObject({ code: 'listener', level: 'error', url: 'http://hubs.invalid' });
    expect(finding?.advice).toEqual([expect.stringContaining('correct the host')]);
  });

  test('that refuses connections is to be started', () => {
    expect(found('ECONNREFUSED')).toEqual([expect.objectContaining({ advice: ['start the service: hubwire start'] })]);
  });

  test('for its certificate: the reason is true of the service as well as of an app', () => {
    expect(found('DEPTH_ZERO_SELF_SIGNED_CERT', { url: 'https://hubs.invalid' })).toEqual([
      expect.objectContaining({ code: 'tls', advice: [expect.stringContaining('NODE_EXTRA_CA_CERTS')] }),
    ]);
    expect(whys.tls).not.toContain('app');
  });
});
