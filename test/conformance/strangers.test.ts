import { expect, test } from 'vitest';
import { Metrics } from '../../src/admin/metrics.js';
import { createAdminServer } from '../../src/admin/server.js';
import { defaultTimeouts } from '../../src/listener/http-settings.js';
import { listenOn } from '../../src/listener/listen.js';
import { notRun } from '../support/not-run.js';
import { RawPeer } from '../support/raw-http.js';
import { type StartedHub, startHub } from '../support/start-hub.js';
import { signToken } from '../support/tokens.js';

/** Short enough to be waited for. */
const timeouts = { headersMs: 300, requestMs: 600, handshakeMs: 300, checkMs: 50 };

function portOf(url: string | undefined): number {
  return Number(new URL(url ?? '').port);
}

async function startBoth(file: object = {}, within = timeouts) {
  const hub = await startHub({
    timeouts: within,
    file: file as Record<string, unknown>,
    admin: { host: '127.0.0.1', port: 0 },
  });
  return { ...hub, ports: { public: portOf(hub.service.publicUrl), admin: portOf(hub.service.adminUrl) } };
}

function tokenOf({ service }: StartedHub, path: string): string {
  return signToken({ aud: service.publicUrl + path, exp: Math.floor(Date.now() / 1000) + 600 });
}

const h2c = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n';

/** Requests whose body does not come to its end, after the request line. */
const forms: Readonly<Record<string, string>> = {
  'a body that stops': 'Host: a\r\nContent-Length: 9\r\n\r\na',
  'a chunk extension': 'Host: a\r\nTransfer-Encoding: chunked\r\n\r\n1;',
  'a body after an offer of h2c': `Host: a\r\n${h2c}Content-Length: 9000\r\n\r\na`,
};

test.each(Object.keys(forms))('[F3] %s: refused at once, and gone, on both listeners', async form => {
  const { ports } = await startBoth();
  const peers = (['public', 'admin'] as const).flatMap(listener =>
    ['/x', '/client/hubs/x', '/api/x', '/api/hubs/chat/:send'].map(path => {
      const peer = new RawPeer(ports[listener]);
      peer.write(`POST ${path} HTTP/1.1\r\n${forms[form]}`);
      peer.drip('a', 100);
      return peer;
    }),
  );
  await Promise.all(peers.map(({ gone }) => gone));
  expect(peers.map(({ statuses }) => statuses)).toEqual([404, 400, 404, 401, 404, 404, 404, 404].map(one => [one]));
  for (const { received } of peers) expect(received.toLowerCase()).toContain('\r\nconnection: close\r\n');
});

test.each(Object.keys(forms))(
  '[F3] %s, of a request that is answered, or of a caller that is known: it ends',
  async form => {
    const started = await startBoth();
    const { ports } = started;
    const path = '/api/hubs/chat/:send';
    const requests = [
      [ports.public, 'GET /api/health HTTP/1.1\r\n', [200]],
      [ports.admin, 'GET /healthz HTTP/1.1\r\n', [200]],
      [ports.public, `POST ${path} HTTP/1.1\r\nAuthorization: Bearer ${tokenOf(started, path)}\r\n`, []],
    ] as const;
    const peers = requests.map(([port, head]) => {
      const peer = new RawPeer(port);
      peer.write(head + forms[form]);
      peer.drip('a', 100);
      return peer;
    });
    await Promise.all(peers.map(({ gone }) => gone));
    for (const [index, { statuses }] of peers.entries()) {
      const unexpected = statuses.filter(status => status !== 408); // a reset may overtake the 408
      expect(unexpected).toEqual(requests[index]?.[2]);
    }
  },
);

test('[F3] silence and half a head: 408, on both listeners, in our own words', async () => {
  const { ports } = await startBoth();
  const peers = [ports.public, ports.admin].flatMap(port =>
    ['', 'GET /api/he'].map(bytes => {
      const peer = new RawPeer(port);
      peer.write(bytes);
      return peer;
    }),
  );
  await Promise.all(peers.map(({ gone }) => gone));
  for (const peer of peers) {
    expect(peer.statuses).toEqual([408]);
    expect(JSON.parse(peer.received.split('\r\n\r\n')[1] ?? '')).toMatchObject({ code: 'Error.RequestTimeout' });
  }
});

test('[F3] a caller that is refused while it sends a large body sees the answer', async () => {
  const { service } = await startHub();
  const answer = await fetch(`${service.publicUrl}/api/hubs/chat/:send`, {
    method: 'POST',
    headers: { 'content-type': 'text/plain', authorization: 'Bearer no.to.ken' },
    body: 'x'.repeat(1024 * 1024),
  });
  expect([answer.status, answer.headers.get('connection')]).toEqual([401, 'close']);
});

test('[F3] with more strangers than the limit a client still gets in, and those who are in stay', async () => {
  const { ports, dial } = await startBoth({ limits: { unauthenticatedConnections: 10 } });
  const client = await dial();
  await client.next();
  const strangers = Array.from({ length: 50 }, () => new RawPeer(ports.public));
  for (const stranger of strangers) stranger.write('GET / HT');
  await (await dial()).settle();
  await client.settle();
  await Promise.all(strangers.slice(0, 30).map(({ gone }) => gone));
});

test('[F3] with more silent sockets than the limit, those of probes and scrapers stay open', async () => {
  const { ports } = await startBoth({ limits: { unauthenticatedConnections: 10 } }, defaultTimeouts);
  const probes = [
    { port: ports.public, path: '/api/health', silent: 30 },
    { port: ports.admin, path: '/metrics', silent: 200 },
  ];
  for (const { port, path, silent } of probes) {
    const request = `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
    const probe = new RawPeer(port);
    probe.write(request);
    await probe.head();
    const others = Array.from({ length: silent }, () => new RawPeer(port));
    await others[0]?.gone; // as it came first, all places are taken
    probe.write(request);
    while (probe.statuses.length < 2) await probe.more();
    expect(probe.statuses).toEqual([200, 200]);
  }
});

test('[F3] [F15] sockets of one address beyond its limit: 429 with Retry-After; a reload changes the limit', async () => {
  const { ports, dial } = await startBoth({ limits: { connectionsPerAddress: 2 } });
  const first = await dial();
  const second = await dial();
  const peer = new RawPeer(ports.public);
  peer.write('GET /api/health HTTP/1.1\r\nHost: a\r\n\r\n');
  await peer.gone;
  expect(peer.statuses).toEqual([429]);
  expect(peer.received).toContain('\r\nRetry-After: 5\r\n');
  expect(await dial.refused()).toMatchObject({ status: 429, headers: { 'retry-after': '5' } });
  await second.close();
  await (await dial()).settle();
  await first.settle();
});

test('[F3] a listener on localhost hands the sockets of all its addresses to the one server, and closes all', async context => {
  if (process.platform !== 'linux') notRun(context, '127.0.0.2 is an address of the machine itself on Linux only');
  const metrics = new Metrics({ processMetrics: false });
  const app = createAdminServer({ isReady: () => true, handlers: () => [], metrics, version: 'test' });
  const seen: unknown[] = [];
  app.server.on('connection', socket => seen.push(socket.localAddress));
  const addresses = ['127.0.0.1', '127.0.0.2', '192.0.2.1']; // the last one is not this machine's
  const port = await listenOn(app, { host: 'localhost', port: 0 }, async () => addresses);
  for (const address of addresses.slice(0, 2)) {
    expect((await fetch(`http://${address}:${port}/healthz`)).status).toBe(200);
  }
  expect(seen).toEqual(addresses.slice(0, 2));
  await app.close();
  for (const address of addresses.slice(0, 2)) {
    await expect(fetch(`http://${address}:${port}/healthz`)).rejects.toThrow('fetch failed');
  }
});
