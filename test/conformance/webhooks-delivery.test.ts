import dns from 'node:dns';
import Pusher from 'pusher';
import { Webhook } from 'standardwebhooks';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { AttemptRecord } from '../../src/outbox/envelope.js';
import type { AttemptFate } from '../../src/outbox/ports.js';
import type { WebhookEntry } from '../../src/webhooks/options.js';
import { AppServer, type Received, type Respond } from '../support/app-server.js';
import { eventually } from '../support/eventually.js';
import { appKeys, appSettings, eventsOf, startWebhooks, told } from '../support/webhook-harness.js';

async function receiver(onPost?: Respond): Promise<AppServer> {
  const app = await AppServer.start();
  onTestFinished(() => app.close());
  if (onPost !== undefined) app.onPost = onPost;
  return app;
}

const answer =
  (status: number, headers = {}): Respond =>
  response =>
    response.writeHead(status, headers).end('said');

type Start = Awaited<ReturnType<typeof startWebhooks>>;

/** One event for one endpoint. */
async function start(endpoint: Partial<WebhookEntry>, more: Parameters<typeof appSettings>[1] = {}) {
  const attempts: AttemptRecord[] = [];
  const fates: AttemptFate[] = [];
  let wake = () => {};
  const observer = {
    attempted: (_endpoint: string, attempt: AttemptRecord, fate: AttemptFate) => {
      attempts.push(attempt);
      fates.push(fate);
      wake();
    },
  };
  const entry = { id: 'e', event_types: ['channel_occupied'], ...endpoint };
  const harness = await startWebhooks(appSettings([entry], more), { observer });
  const attempted = async (count: number) => {
    while (attempts.length < count) {
      await new Promise<void>(resolve => {
        wake = resolve;
      });
    }
    return attempts.at(-1);
  };
  return { ...harness, entry, attempts, fates, attempted };
}

/** Lets the next retry come; answers how long it had to wait. */
async function retry({ clock }: Pick<Start, 'clock'>): Promise<number> {
  const beforeMs = clock.now();
  await vi.waitFor(() => expect(clock.nextInMs).toBeGreaterThan(0), { interval: 1, timeout: 15_000 });
  await clock.advanceAsync(clock.nextInMs ?? 0);
  return clock.now() - beforeMs;
}

const hook = new Pusher({ appId: '42', key: 'hubkey01', secret: 'hubsecret01', host: '127.0.0.1' });

function headerNames({ rawHeaders }: Received): readonly string[] {
  return rawHeaders.filter((_, index) => index % 2 === 0);
}

describe('a request', () => {
  test('[PW-001] [PW-002] [PW-003] [PW-005] [PW-008] is a webhook for the server library of Pusher', async () => {
    const app = await receiver();
    const { connect, clock, attempted } = await start({ url: app.url });
    connect().join('orders-7');
    await attempted(1);
    const { headers, body, rawHeaders } = app.posts[0]!;
    const webhook = hook.webhook({ headers: headers as Record<string, string>, rawBody: body.toString() });
    expect(webhook.isValid()).toBe(true);
    expect(webhook.getEvents()).toEqual([{ name: 'channel_occupied', channel: 'orders-7' }]);
    expect(webhook.getTime().getTime()).toBe(clock.now());
    expect(JSON.parse(body.toString())).toEqual({ time_ms: clock.now(), events: webhook.getEvents() });
    expect(headers['content-type']).toBe('application/json');
    expect(headers['content-length']).toBe(String(body.length));
    expect(rawHeaders).toEqual(
      expect.arrayContaining(['X-Pusher-Key', 'X-Pusher-Signature', 'User-Agent', 'Content-Type']),
    );
    expect(headers['user-agent']).toBe('Hubwire-webhooks/test');
  });

  test('[PW-004] has a prefixed signature where the endpoint says so', async () => {
    const app = await receiver();
    const { connect, attempted } = await start({ url: app.url, signature_format: 'sha256-prefixed' });
    connect().join('a');
    await attempted(1);
    expect(app.posts[0]?.headers['x-pusher-signature']).toMatch(/^sha256=[0-9a-f]{64}$/);
  });

  test('[PW-006] is signed by the oldest active key of the moment', async () => {
    const app = await receiver();
    const keys = [
      { key: 'second', secret: 's2', createdAtMs: 2, active: true },
      { key: 'first', secret: 's1', createdAtMs: 1, active: true },
    ];
    const { connect, webhooks, entry, attempted } = await start({ url: app.url }, { keys });
    connect().join('a');
    await attempted(1);
    await webhooks.configure(
      appSettings([entry], { keys: keys.map(key => ({ ...key, active: key.key !== 'first' })) }),
    );
    connect().join('b');
    await attempted(2);
    expect(app.posts.map(({ headers }) => headers['x-pusher-key'])).toEqual(['first', 'second']);
  });

  test('[PW-007] has the headers of its endpoint, and not those that the service sets', async () => {
    const app = await receiver();
    const headers = { Authorization: 'Bearer x', 'X-Pusher-Signature': 'mine', 'Content-Type': 'text/plain' };
    const { connect, attempted, warnings } = await start({ url: app.url, headers });
    connect().join('a');
    await attempted(1);
    expect(app.posts[0]?.headers).toMatchObject({ authorization: 'Bearer x', 'content-type': 'application/json' });
    expect(app.posts[0]?.headers['x-pusher-signature']).toMatch(/^[0-9a-f]{64}$/);
    expect(headerNames(app.posts[0]!).filter(name => /^x-pusher-signature$/i.test(name))).toHaveLength(1);
    expect(warnings).toHaveLength(2);
  });

  test('[PW-007] is sent without headers with which no request can be sent', async () => {
    const app = await receiver();
    const refused = {
      Expect: '100-continue',
      'Keep-Alive': 'timeout=5',
      Upgrade: 'h2c',
      'Proxy-Authorization': 'Basic x',
    };
    const others = { TE: 'trailers', Trailer: 'x', 'Proxy-Connection': 'close', 'Content-Encoding': 'gzip', Date: 'x' };
    const headers = { ...refused, ...others };
    const { connect, attempted, warnings } = await start({ url: app.url, headers });
    connect().join('a');
    expect(await attempted(1)).toMatchObject({ outcome: 'delivered' });
    expect(headerNames(app.posts[0]!)).toEqual(expect.arrayContaining(Object.keys(others)));
    expect(warnings).toEqual(
      Object.keys(refused).map(name => `header ${name} of webhook e is not sent: no request can be sent with it`),
    );
  });

  test('[PW-064] has a Standard Webhooks signature for each secret until it expires', async () => {
    const app = await receiver();
    const secrets = [1, 2].map(byte => `whsec_${Buffer.alloc(32, byte).toString('base64')}`);
    const nowMs = Date.now();
    const { connect, clock, attempted } = await start({
      url: app.url,
      signing_secret: secrets[0],
      signing_secrets: [{ secret: secrets[1]!, expires_at: new Date(nowMs + 60_000).toISOString() }],
    });
    clock.stepWall(nowMs - clock.now()); // the library compares with the machine's clock
    connect().join('a');
    await attempted(1);
    clock.advance(60_000);
    connect().join('b');
    await attempted(2);
    const [both, one] = app.posts;
    const verify = (secret: string, { headers, body }: Received) =>
      new Webhook(secret).verify(body.toString(), headers as Record<string, string>);
    for (const secret of secrets) expect(() => verify(secret, both!)).not.toThrow();
    expect(() => verify(secrets[0]!, one!)).not.toThrow();
    expect(() => verify(secrets[1]!, one!)).toThrow('No matching signature');
    expect(both?.headers['webhook-signature']).toMatch(/^v1,\S+ v1,\S+$/);
  });

  test('[PW-108] of a hub has no signature of Pusher, and none has ce-signature', async () => {
    const app = await receiver();
    const { connect, attempted } = await start({ url: app.url });
    connect().join('a');
    await attempted(1);
    expect(headerNames(app.posts[0]!).filter(name => /^ce-/i.test(name))).toEqual([]);
  });
});

describe('batches', () => {
  const batching = { enabled: true, duration: 50, size: 100 };

  test('[PW-038] [PW-039] contain the events of one endpoint only, also where two have one URL', async () => {
    const app = await receiver();
    const { webhooks, connect, clock } = await start({ url: app.url });
    await webhooks.configure(
      appSettings([
        { url: app.url, event_types: ['channel_occupied'], filter: { channel_prefix: 'a' }, batching },
        { url: app.url, event_types: ['channel_occupied'], filter: { channel_prefix: 'b' }, batching },
        { url: app.url, event_types: ['channel_vacated'], batching },
      ]),
    );
    for (const channel of ['a1', 'b1', 'a2', 'c1']) connect().join(channel);
    await webhooks.settled();
    await app.until(({ posts }) => posts.length === 2);
    await clock.advanceAsync(50);
    const sent = app.posts.map(post => told([post]).join()).toSorted();
    expect(sent).toEqual(['channel_occupied a1,channel_occupied a2', 'channel_occupied b1']);
  });

  test('[PW-040] of two apps are two envelopes, each signed by its own app', async () => {
    const app = await receiver();
    const { webhooks, connect } = await start({ url: app.url });
    const entry = { url: app.url, event_types: ['channel_occupied'], batching };
    const other = { id: '43', keys: [{ key: 'otherkey', secret: 'othersecret', active: true }], webhooks: [entry] };
    await webhooks.configure({ general: {}, apps: [{ id: '42', keys: appKeys, webhooks: [entry] }, other], hubs: [] });
    for (const hub of ['app:42', 'app:43', 'app:42']) connect(hub).join(`of-${hub}-${Math.random()}`);
    await webhooks.settled();
    await app.until(({ posts }) => posts.length === 2);
    const tokens = {
      hubkey01: hook,
      otherkey: new Pusher({ appId: '43', key: 'otherkey', secret: 'othersecret', host: 'x' }),
    };
    for (const { headers, body } of app.posts) {
      const key = headers['x-pusher-key'] as keyof typeof tokens;
      const webhook = tokens[key].webhook({ headers: headers as Record<string, string>, rawBody: body.toString() });
      expect(webhook.isValid()).toBe(true);
      expect(webhook.getEvents()).toHaveLength(key === 'hubkey01' ? 2 : 1);
    }
  });

  test('[PW-043] never contain events of an encrypted channel with others', async () => {
    const app = await receiver();
    const { webhooks, connect } = await start({ url: app.url, batching });
    for (const channel of ['a', 'private-encrypted-a', 'b', 'private-encrypted-b']) connect().join(channel);
    await webhooks.settled();
    await app.until(({ posts }) => posts.length === 3);
    expect(app.posts.map(post => told([post]).length).toSorted()).toEqual([1, 1, 2]);
  });
});

describe('an answer', () => {
  test.each([200, 201, 204, 299])('[PW-045] of %i is a delivery', async status => {
    const app = await receiver(answer(status));
    const { connect, fates, attempted } = await start({ url: app.url });
    connect().join('a');
    expect(await attempted(1)).toMatchObject({ outcome: 'delivered', status });
    expect(fates).toEqual(['delivered']);
  });

  test.each([300, 301, 304, 400, 401, 404, 410, 429, 500, 503])('[PW-045] of %i is a failure', async status => {
    const app = await receiver(answer(status));
    const { connect, fates, attempted } = await start({ url: app.url });
    connect().join('a');
    expect(await attempted(1)).toMatchObject({ outcome: 'failed', status, reason: `status ${status}` });
    expect(fates).toEqual(['retried']);
  });

  test('[PW-046] that redirects is not followed', async () => {
    const target = await receiver();
    const app = await receiver(answer(307, { location: `${target.url}/secret?of=it` }));
    const { connect, attempted } = await start({ url: app.url });
    connect().join('a');
    const leadsTo = `redirects are not followed; this one leads to ${new URL(target.url).origin}`;
    expect(await attempted(1)).toMatchObject({ outcome: 'failed', reason: `status 307: ${leadsTo}` });
    expect(target.accepted).toBe(0);
  });

  test.each([
    [301, '/hooks/', 'status 301: redirects are not followed; this one leads to another path'],
    [308, 'http://[', 'status 308'],
    [304, '/hooks/', 'status 304'],
  ])('of %i with the location %s has a reason', async (status, location, reason) => {
    const app = await receiver(answer(status, { location }));
    const { connect, attempted } = await start({ url: app.url });
    connect().join('a');
    expect(await attempted(1)).toMatchObject({ outcome: 'failed', status, reason });
  });

  test('[PW-047] of success after three failures ends four requests with the same id and body', async () => {
    const app = await receiver();
    app.onPost = (response, request) => answer(app.posts.length < 4 ? 500 : 200)(response, request);
    const started = await start({ url: app.url });
    started.connect().join('a');
    for (let count = 1; count < 4; count += 1) {
      await started.attempted(count);
      await retry(started);
    }
    await started.attempted(4);
    expect(app.posts.map(({ headers }) => headers['x-webhook-attempt'])).toEqual(['1', '2', '3', '4']);
    expect(new Set(app.posts.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    expect(new Set(app.posts.map(({ body }) => body.toString())).size).toBe(1);
  });

  test('[PW-054] can prolong its time, up to twice the wait', async () => {
    const app = await receiver(answer(503, { 'Retry-After': '3' }));
    const started = await start({ url: app.url, retry: { initial_backoff_ms: 2_000 } });
    started.connect().join('a');
    await started.attempted(1);
    expect(await retry(started)).toBe(3_000);
    await started.attempted(2);
    expect(await retry(started)).toBe(4_000);
  });

  test('[PW-053] that never comes ends the attempt after ten seconds', async () => {
    const app = await receiver(() => {});
    const { connect, clock, webhooks, attempts, attempted } = await start({ url: app.url });
    connect().join('a');
    await webhooks.settled();
    await app.until(({ posts }) => posts.length === 1);
    await clock.advanceAsync(9_999);
    expect(attempts).toEqual([]);
    await clock.advanceAsync(1);
    expect(await attempted(1)).toMatchObject({
      outcome: 'failed',
      reason: 'no answer within 10 s',
      durationMs: 10_000,
    });
  });

  test('whose body never ends is a delivery all the same, by its status', async () => {
    const app = await receiver(response => void response.writeHead(200).write('part'));
    const { connect, clock, webhooks, attempted } = await start({ url: app.url });
    connect().join('a');
    await webhooks.settled();
    await app.until(({ posts }) => posts.length === 1);
    await new Promise(resolve => setTimeout(resolve, 20)); // the head is on its way
    await clock.advanceAsync(10_000);
    expect(await attempted(1)).toMatchObject({ outcome: 'delivered', status: 200 });
  });

  test('[PW-054] can prolong its time in its head, when its body does not come', async () => {
    const app = await receiver(response => {
      response.writeHead(503, { 'Retry-After': '3', 'Content-Length': '99' });
      response.write('part', () => response.socket?.end());
    });
    const started = await start({ url: app.url, retry: { initial_backoff_ms: 2_000 } });
    started.connect().join('a');
    expect(await started.attempted(1)).toMatchObject({ outcome: 'failed', status: 503, reason: 'status 503' });
    expect(await retry(started)).toBe(3_000);
  });

  test('is remembered up to 1 KiB, and read up to 64', async () => {
    const app = await receiver(response => void response.writeHead(200).end('x'.repeat(1_000_000)));
    const { connect, attempted } = await start({ url: app.url });
    connect().join('a');
    expect((await attempted(1))?.answer).toBe('x'.repeat(1024));
  });

  test('of 410 disables an endpoint that wants it so', async () => {
    const app = await receiver(answer(410));
    const { connect, attempted, outbox } = await start({ url: app.url, gone_disables: true });
    connect().join('a');
    expect(await attempted(1)).toMatchObject({ outcome: 'refused', status: 410 });
    await eventually(async () => expect((await outbox.status())[0]?.state).toBe('disabled'));
  });
});

test('[PW-052] a replay has a new time, a valid signature and the same id', async () => {
  const app = await receiver(answer(500));
  const { connect, clock, outbox, attempted } = await start({ url: app.url, retry: { enabled: false } });
  connect().join('a');
  await attempted(1);
  const firstMs = clock.now();
  clock.advance(400_000);
  app.onPost = answer(200);
  await eventually(async () => expect(await outbox.deadLetters()).toHaveLength(1));
  await outbox.replay({ endpoint: 'app:42:e' });
  await attempted(2);
  const [first, second] = app.posts;
  const webhook = hook.webhook({
    headers: second!.headers as Record<string, string>,
    rawBody: second!.body.toString(),
  });
  expect(webhook.isValid()).toBe(true);
  expect(webhook.getTime().getTime()).toBe(firstMs + 400_000);
  expect(second?.headers['webhook-id']).toBe(first?.headers['webhook-id']);
  expect(second?.headers['x-webhook-original-time-ms']).toBe(String(firstMs));
  expect(eventsOf([second!])).toEqual(eventsOf([first!]));
});

describe('the address of an endpoint', () => {
  test.each([
    ...[
      'http://169.254.169.254/',
      'http://10.1.2.3/',
      'http://[::1]:1/',
      'http://[::ffff:127.0.0.1]:1/',
      'http://0.0.0.0:1/',
    ],
    ...['http://2130706433:1/', 'http://0177.0.0.1:1/', 'http://0x7f.1:1/', 'http://localhost:1/', 'http://127.1:1/'],
  ])('[PW-057] %s is refused and the webhook is dead at once', async url => {
    const settings = appSettings([{ id: 'e', url, event_types: ['channel_occupied'] }]);
    const { connect, webhooks, outbox } = await startWebhooks(settings, { allowsLoopback: false });
    connect().join('a');
    await webhooks.settled();
    await eventually(async () => {
      expect(await outbox.deadLetters()).toMatchObject([{ reason: 'blocked_address', attempts: 1 }]);
    });
  });

  test('[PW-057] is allowed where its network is', async () => {
    const app = await receiver();
    const general = { egress: { allow: ['127.0.0.0/8'] } };
    const settings = appSettings([{ url: app.url, event_types: ['channel_occupied'] }], { general });
    const { connect, webhooks } = await startWebhooks(settings, { allowsLoopback: false });
    connect().join('a');
    await webhooks.settled();
    await app.until(({ posts }) => posts.length === 1);
  });
});

test('[PW-055] an endpoint that hangs does not delay another', async () => {
  const dead = await receiver(() => {});
  const app = await receiver();
  const { connect, webhooks } = await start({ url: dead.url });
  await webhooks.configure(
    appSettings([
      { url: dead.url, event_types: ['channel_occupied'] },
      { url: app.url, event_types: ['channel_occupied'] },
    ]),
  );
  for (let count = 0; count < 1_000; count += 1) connect().join(`a${count}`);
  await webhooks.settled();
  await app.until(({ posts }) => posts.length === 1_000);
  expect(dead.posts).toHaveLength(8);
});

test('[PW-060] what is stored contains no secret', async () => {
  const signing = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;
  const app = await receiver(answer(500));
  const headers = { Authorization: 'Bearer hidden' };
  const { connect, outbox, attempted } = await start({
    url: app.url,
    retry: { enabled: false },
    signing_secret: signing,
    headers,
  });
  connect().join('a');
  await attempted(1);
  await eventually(async () => expect(await outbox.deadLetters()).toHaveLength(1));
  const stored = JSON.stringify(await outbox.deadLetters(), (_key, value) =>
    value?.type === 'Buffer' ? Buffer.from(value.data).toString() : value,
  );
  expect(stored).toContain('channel_occupied');
  for (const hidden of ['hubsecret01', signing, 'hidden']) expect(stored).not.toContain(hidden);
});

test('[PW-058] a name is looked up once, and the address that was checked is connected to', async () => {
  const app = await receiver();
  const { port } = new URL(app.url);
  let count = 0;
  const spied = vi.spyOn(dns, 'lookup').mockImplementation(((
    _host: string,
    _options: object,
    callback: (error: null, found: object[]) => void,
  ) => {
    count += 1;
    callback(null, [{ address: count === 1 ? '192.0.2.55' : '127.0.0.1', family: 4 }]);
  }) as unknown as typeof dns.lookup);
  onTestFinished(() => spied.mockRestore());
  const settings = appSettings([
    { id: 'e', url: `http://rebinding.example:${port}/`, event_types: ['channel_occupied'] },
  ]);
  const { connect, webhooks, outbox } = await startWebhooks(settings, { allowsLoopback: false });
  connect().join('a');
  await webhooks.settled();
  await eventually(async () => expect(await outbox.deadLetters()).toMatchObject([{ reason: 'blocked_address' }]));
  expect(count).toBe(1);
  expect(app.accepted).toBe(0);
});
