import { createServer } from 'node:https';
import { describe, expect, test } from 'vitest';
import type { Finding } from '../../src/doctor/finding.js';
import { firstCertificate } from '../conformance/rest-certificates.js';
import { appCertificate, expiredCertificate } from '../support/app-certificate.js';
import { express, handlerFindings, handlerYaml, inShort, listen, middleware, serve } from '../support/doctor.js';
import { fileWith, runHubwire } from '../support/hubwire-process.js';

function app() {
  const made = express();
  made.use(middleware());
  return made;
}

async function secureUrl(certificate: { cert: string; key: string }): Promise<string> {
  return `${await listen(createServer(certificate, app()), '127.0.0.1', 'https')}/eventhandler/{event}`;
}

describe('[MG-216] tls', () => {
  test('a self-signed certificate', async () => {
    const found = await handlerFindings(handlerYaml(await secureUrl(firstCertificate)));
    expect(inShort(found)).toEqual(['error tls set']);
    expect(found[0]).toMatchObject({
      seen: expect.stringContaining('self-signed'),
      advice: [expect.stringContaining('NODE_EXTRA_CA_CERTS'), expect.stringMatching(/^curl /)],
    });
  });

  test.each([
    ['expired', expiredCertificate, 'has expired', 'renew'],
    ['for another host', appCertificate, 'for another host name', 'write'],
  ])('a trusted certificate that is %s', async (_, certificate, seen, word) => {
    const hubs = await fileWith(handlerYaml(await secureUrl(certificate)));
    const trusted = await fileWith(certificate.cert, 'ca.pem');
    const { code, stdout } = await runHubwire(['doctor', '--hubs', hubs, '-o', 'json'], {
      NODE_EXTRA_CA_CERTS: trusted,
      HUBWIRE_PORT: '9', // nothing listens there
      HUBWIRE_ADMIN_PORT: '0',
    });
    const found = (JSON.parse(stdout) as Finding[]).find(({ line }) => line !== null);
    expect(found).toMatchObject({ code: 'tls', level: 'error', seen: expect.stringContaining(seen) });
    expect(String(found!.advice).split(' ')[0]).toBe(word);
    expect(code).toBe(1);
  });

  test('https written, and http spoken', async () => {
    const url = (await serve(app())).replace('http:', 'https:');
    const found = await handlerFindings(handlerYaml(`${url}/eventhandler/{event}`));
    expect(inShort(found)).toEqual(['error tls write']);
    expect(found[0]!.advice[0]).toBe('write http:// in urlTemplate');
  });

  test('http written, and https spoken', async () => {
    const url = (await secureUrl(firstCertificate)).replace('https:', 'http:');
    const found = await handlerFindings(handlerYaml(url));
    expect(inShort(found)).toEqual(['error tls write']);
    expect(found[0]!.advice[0]).toBe('write https:// in urlTemplate');
  });
});
