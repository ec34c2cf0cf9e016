import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import type { Observer } from '../../src/hub/ports.js';
import { recoveryCloseCode } from '../support/reliable-client.js';
import { startHub } from '../support/start-hub.js';

type Told = { [Fact in 'upgraded' | 'connectionRefused']: Parameters<Observer[Fact]>[0][] };

/** A hub at this log level, and what is told of upgrades. */
async function startTold(level: 'debug' | 'info') {
  const told: Told = { upgraded: [], connectionRefused: [] };
  const observer: Partial<Observer> = {
    upgraded: at => void told.upgraded.push(at),
    connectionRefused: at => void told.connectionRefused.push(at),
  };
  const log = pino({ level }, { write: () => {} });
  return { told, hub: await startHub({ log, observer }) };
}

describe('[F10] an upgrade', () => {
  test('that succeeds is told where the log is at debug, with its connection and without its query', async () => {
    const { told, hub } = await startTold('debug');
    const client = await hub.dial({ query: 'q=secret' });
    const { connectionId } = await client.next();
    const durationMs = expect.any(Number);
    expect(told.upgraded).toEqual([{ hub: 'chat', connectionId, path: '/client/hubs/chat', status: 101, durationMs }]);
  });

  test('that does not recover its session is told without a connection', async () => {
    const { told, hub } = await startTold('debug');
    const session = { connectionId: 'gone', token: 'secret' };
    expect(await recoveryCloseCode(hub, session)).toBe(1008);
    expect(told.upgraded).toMatchObject([{ hub: 'chat', connectionId: undefined, status: 101 }]);
    expect(JSON.stringify(told)).not.toContain('secret');
  });

  test('is not told at other levels; one that is refused always is', async () => {
    const { told, hub } = await startTold('info');
    await (await hub.dial()).next();
    await hub.dial.refused({ token: null, query: 'code=secret' });
    expect(told.upgraded).toEqual([]);
    expect(told.connectionRefused).toMatchObject([
      { hub: 'chat', method: 'GET', path: '/client/hubs/chat', status: 401, durationMs: expect.any(Number) },
    ]);
    expect(JSON.stringify(told)).not.toContain('secret');
  });
});
