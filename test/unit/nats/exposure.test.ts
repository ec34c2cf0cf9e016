import type { ServerInfo } from '@nats-io/transport-node';
import { expect, test } from 'vitest';
import { exposureOf } from '../../../src/nats/exposure.js';
import { parseNatsUrls } from '../../../src/nats/options.js';

test.each<[url: string, info: Partial<ServerInfo>, missing: string | undefined]>([
  ['nats://a', {}, 'TLS or authentication'],
  ['nats://10.0.0.1', { auth_required: true }, 'TLS'],
  ['nats://a', { tls_available: true }, 'authentication'],
  ['tls://a', { tls_required: true }, 'authentication'],
  ['tls://a', { tls_required: true, tls_verify: true }, undefined],
  ['tls://a', { tls_required: true, auth_required: true }, undefined],
  ['nats://localhost', {}, undefined],
  ['nats://127.0.0.1', {}, undefined],
  ['nats://[::1]', {}, undefined],
])('[CL-120] %s with %j is used without %s', (url, info, missing) => {
  const warning = exposureOf(parseNatsUrls(url)[0]!, info as ServerInfo);
  if (missing === undefined) expect(warning).toBeUndefined();
  else expect(warning).toMatch(new RegExp(`^NATS at [\\w.]+:4222 is used without ${missing}: others`));
});
