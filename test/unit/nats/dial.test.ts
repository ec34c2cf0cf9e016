import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { addressesOf } from '../../../src/nats/dial.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('[CL-012] a host whose name is not resolved within 2 s is given up, so that the next one is tried', async () => {
  const outcome = addressesOf('nats.example', () => new Promise(() => {})).catch(error => error.message);
  await vi.advanceTimersByTimeAsync(1_999);
  expect(await Promise.race([outcome, 'waits'])).toBe('waits');
  await vi.advanceTimersByTimeAsync(1);
  expect(await outcome).toBe('its name was not resolved within 2 s');
});

test('no timer is left of a lookup that has ended', async () => {
  const missing = new Error('getaddrinfo ENOTFOUND nats.example');
  await expect(addressesOf('nats.example', () => Promise.reject(missing))).rejects.toBe(missing);
  expect(vi.getTimerCount()).toBe(0);
});

test('an address is its own', async () => {
  expect(await addressesOf('127.0.0.1')).toEqual([{ address: '127.0.0.1', family: 4 }]);
});
