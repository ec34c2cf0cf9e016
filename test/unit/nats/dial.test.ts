import { beforeEach, expect, test } from 'vitest';
import { addressesOf } from '../../../src/nats/dial.js';
import { ManualClock } from '../../support/manual-clock.js';

let clock: ManualClock;

beforeEach(() => {
  clock = new ManualClock();
});

test('[CL-012] a host whose name is not resolved within 2 s is given up, so that the next one is tried', async () => {
  const outcome = addressesOf('nats.example', clock, () => new Promise(() => {})).catch(error => error.message);
  await clock.advanceAsync(1_999);
  expect(await Promise.race([outcome, 'waits'])).toBe('waits');
  await clock.advanceAsync(1);
  expect(await outcome).toBe('its name was not resolved within 2 s');
});

test('no timer is left of a lookup that has ended', async () => {
  const missing = new Error('getaddrinfo ENOTFOUND nats.example');
  await expect(addressesOf('nats.example', clock, () => Promise.reject(missing))).rejects.toBe(missing);
  expect(clock.pending).toBe(0);
});

test('an address is its own', async () => {
  expect(await addressesOf('127.0.0.1', clock)).toEqual([{ address: '127.0.0.1', family: 4 }]);
});
