import { describe, expect, test } from 'vitest';
import { handlerLines } from '../../src/cli/report.js';
import { defaultDelivery } from '../../src/upstream/options.js';
import { Held, reply } from '../support/answers.js';
import { startHandlers } from '../support/handlers.js';
import { startUpstream } from '../support/upstream.js';

async function start(delivery: Parameters<typeof startHandlers>[1] = {}) {
  const upstream = await startUpstream();
  return { upstream, ...(await startHandlers({ chat: `${upstream.origin}/{event}` }, delivery)) };
}

const eventsOf = ({ requests }: { requests: readonly { event: string }[] }) =>
  requests.map(({ event }) => event).filter(event => event !== 'OPTIONS');

describe('[F13] [upstream-events 1.3] disconnected', () => {
  test('is not sent before connected has ended, its retries included; others do not wait', async () => {
    const { upstream, clock, observer, open } = await start();
    upstream.on('connected', reply(503));
    const session = open('c1');
    session.connected();
    session.disconnected('bye');
    await clock.whenDueIn(1_000);
    open('c2').disconnected('other');
    await observer.until(({ events }) => events.length === 1);
    expect(eventsOf(upstream)).toEqual(['connected', 'disconnected']);
    await clock.advanceAsync(1_000);
    await clock.whenDueIn(3_000);
    upstream.on('connected', reply(204));
    await clock.advanceAsync(3_000);
    await observer.until(({ events }) => events.length === 3);
    expect(observer.events.map(({ connectionId, kind }) => `${connectionId} ${kind}`)).toEqual([
      'c2 disconnected',
      'c1 connected',
      'c1 disconnected',
    ]);
    expect(upstream.requests.at(-1)?.headers).toMatchObject({ 'ce-id': '2', 'ce-time': '2030-01-02T03:04:05Z' });
  });

  test('waits no longer than an event may take', async () => {
    const { upstream, clock, open } = await start({ timeoutMs: 5_000 });
    upstream.on('connected', () => {}); // no answer
    const session = open();
    session.connected();
    await upstream.next('connected');
    session.disconnected('bye');
    await clock.advanceAsync(5_000);
    await upstream.next('disconnected');
  });

  test('goes out when the service stops, though connected has no answer yet', async () => {
    const { upstream, clock, handlers, observer, open } = await start();
    const held = new Held();
    upstream.on('connected', held.answer);
    const session = open();
    session.connected();
    session.disconnected('bye');
    await upstream.next('connected');
    const closed = handlers.close();
    await clock.advanceAsync(5_000);
    await upstream.next('disconnected');
    held.release();
    await closed;
    expect(observer.events.map(({ outcome }) => outcome)).toEqual(['success', 'success']);
  });

  test('the service is not idle while a notification waits for its turn', async () => {
    const { upstream, handlers, open } = await start();
    const held = new Held();
    upstream.on('connected', held.answer);
    const session = open();
    session.connected();
    session.disconnected('bye');
    await upstream.next('connected');
    const idle = handlers.whenIdle().then(() => eventsOf(upstream));
    held.release();
    expect(await idle).toEqual(['connected', 'disconnected']);
  });
});

describe('delivery.originWithPort', () => {
  test('validation and events name the port; a reload counts for connections that are open', async () => {
    const { upstream, configure, open, clock } = await start({ originWithPort: true });
    const session = open();
    const origin = async () => {
      await session.event('e', { dataType: 'text', bytes: Buffer.from('x'), metadata: undefined });
      return upstream.requests.findLast(({ event }) => event === 'e')?.headers['webhook-request-origin'];
    };
    const validation = () => upstream.requests.findLast(({ event }) => event === 'OPTIONS')?.headers;
    expect(validation()?.['webhook-request-origin']).toBe('pubsub.test:8080');
    expect(await origin()).toBe('pubsub.test:8080');
    await configure({ originWithPort: false });
    expect(await origin()).toBe('pubsub.test');
    await clock.advanceAsync(60_000);
    await origin();
    expect(validation()?.['webhook-request-origin']).toBe('pubsub.test');
  });
});

test('[V09] a handler that takes no events is warned about, and its line says what to do', async () => {
  const { upstream, handlers, observer } = await start();
  const auth = { type: 'None' } as const;
  const nothing = { urlTemplate: upstream.origin, systemEvents: [], userEventPattern: undefined, auth };
  await handlers.configure([{ hub: 'chat', eventHandlers: [nothing] }], defaultDelivery);
  const advice = 'receives no events; set systemEvents, userEventPattern or groupPresenceEvents, or remove the handler';
  expect(observer.warnings).toEqual([`${upstream.origin} ${advice}`]);
  expect(handlerLines(handlers.statuses())).toEqual([`✔ chat  ${upstream.origin}  active  (nothing)`, `    ${advice}`]);
});

test.each([
  [{ systemEvents: ['connect'], userEventPattern: '*' }, 1],
  [{ systemEvents: ['connect', 'disconnected'] }, 0],
  [{ userEventPattern: '*', groupPresenceEvents: { eventNames: ['joined'], groupFilters: [] } }, 0],
] as const)('[V09] delivery: durable of a handler that takes %j: %i warnings', async (taken, count) => {
  const { upstream, handlers, observer } = await start();
  const auth = { type: 'None' } as const;
  const settings = {
    urlTemplate: upstream.origin,
    systemEvents: [],
    userEventPattern: undefined,
    auth,
    isDurable: true,
  };
  await handlers.configure([{ hub: 'chat', eventHandlers: [{ ...settings, ...taken }] }], defaultDelivery);
  const advice =
    'takes no event that is queued, so delivery: durable has no effect; set connected or disconnected in systemEvents, or groupPresenceEvents';
  expect(observer.warnings).toEqual(Array(count).fill(`${upstream.origin} ${advice}`));
});
