import { lookup } from 'node:dns/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { dial } from '../../../src/nats/dial.js';

// No test can take the machine's name servers away.
vi.mock('node:dns/promises', () => ({ lookup: vi.fn() }));

const options = { servers: [], clusterName: 'hw', nodeName: 'n1' };
const server = { host: 'nats.example', port: 4222, isTls: false, tlsName: 'nats.example' };

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('[CL-012] a host whose name is not resolved within 2 s is given up, so that the next one is tried', async () => {
  vi.mocked(lookup).mockReturnValue(new Promise<never>(() => {}));
  const outcome = dial(server, options, 'store').catch(error => error.message);
  await vi.advanceTimersByTimeAsync(1_999);
  expect(await Promise.race([outcome, 'waits'])).toBe('waits');
  await vi.advanceTimersByTimeAsync(1);
  expect(await outcome).toBe('its name was not resolved within 2 s');
});

test('no timer is left of a lookup that has ended', async () => {
  vi.mocked(lookup).mockRejectedValue(Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' }));
  await expect(dial(server, options, 'store')).rejects.toThrow('ENOTFOUND');
  expect(vi.getTimerCount()).toBe(0);
});
