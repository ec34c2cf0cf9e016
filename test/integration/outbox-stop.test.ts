import { existsSync } from 'node:fs';
import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { developmentKey } from '../../src/cli/key-settings.js';
import { parseConfig } from '../../src/config/load.js';
import { Service } from '../../src/service.js';
import { appYaml } from '../support/webhook-service.js';

test('a service that is stopped while it waits for its queue leaves the queue to the next one', async () => {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'hubwire-locked-'));
  onTestFinished(() => rm(dataDirectory, { recursive: true, force: true }));
  const lock = join(dataDirectory, 'outbox.pid');
  await writeFile(lock, '{"pid":1,"host":"elsewhere","startedAt":"5","pidSpace":"x","id":"y"}');
  const almostAbandoned = new Date(Date.now() - 18_500);
  await utimes(lock, almostAbandoned, almostAbandoned);

  let onWaiting = () => {};
  const waiting = new Promise<void>(resolve => {
    onWaiting = resolve;
  });
  const config = parseConfig(appYaml('https://receiver.example'), { file: 'hubs.yaml', env: {} });
  const service = new Service({
    ...{ host: '127.0.0.1', port: 0, admin: undefined, endpoints: [], version: 'test', dataDirectory, config },
    keys: { primary: developmentKey, secondary: undefined },
    log: pino({ level: 'warn' }, { write: line => void (line.includes('waiting up to') && onWaiting()) }),
  });
  await service.listen();
  const activated = service.activate();
  await waiting;
  await service.stop();
  expect(existsSync(lock)).toBe(true);
  await activated;
  expect(existsSync(lock)).toBe(false);
});
