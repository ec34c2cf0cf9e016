import { describe, expect, test } from 'vitest';
import type { AbuseCheck } from '../../../src/upstream/abuse-check.js';
import { checkShared, type SharedChecks } from '../../../src/upstream/shared-checks.js';
import { type CheckedVerdict, Validation, type Verdict } from '../../../src/upstream/validation.js';
import { ManualClock } from '../../support/manual-clock.js';

const check: AbuseCheck = {
  origin: 'http://app.example',
  path: '/hook',
  serviceOrigins: ['hubs.example'],
  requestOrigins: ['hubs.example'],
  servicePorts: [443],
  lenientOriginList: false,
};
const valid: Verdict = { isValid: true, answered: 'answered 200' };
const failed: Verdict = { isValid: false, answered: 'answered 500', advice: 'read the log' };

/** What one stored value of that age comes to: it is taken, or the probe's verdict is. */
async function outcomeOf(stored: unknown, ageMs: number): Promise<CheckedVerdict> {
  const checks: SharedChecks = {
    get: async (_subject, probe, isUsable) =>
      isUsable(stored, ageMs) ? { value: stored, ageMs } : { value: await probe(), ageMs: 0 },
  };
  return checkShared(checks, check, async () => ({ isValid: true, answered: 'probed' }));
}

describe('[CL-112] the verdict of another node', () => {
  test.each([
    [valid, 0],
    [valid, 59_999],
    [failed, 999],
  ])('%j of %i ms ago is taken, with its age', async (verdict, ageMs) => {
    expect(await outcomeOf(verdict, ageMs)).toEqual({ ...verdict, ageMs });
  });

  test.each([
    [valid, 60_000],
    [failed, 1_000],
    [undefined, 0],
    [null, 0],
    ['yes', 0],
    [{ isValid: true }, 0],
    [{ isValid: 'true', answered: 'x' }, 0],
    [{ isValid: false, answered: 'x' }, 0],
  ])('%j of %i ms ago is not: the node validates itself', async (stored, ageMs) => {
    expect(await outcomeOf(stored, ageMs)).toEqual({ isValid: true, answered: 'probed', ageMs: 0 });
  });

  test('is looked for by URL, origins, ports and how the answer is read', async () => {
    const subjects = new Set<string>();
    const checks: SharedChecks = {
      get: async (subject, probe) => {
        subjects.add(subject);
        return { value: await probe(), ageMs: 0 };
      },
    };
    const others: Partial<AbuseCheck>[] = [
      {},
      { origin: 'http://other.example' },
      { path: '/other' },
      { serviceOrigins: ['other.example'] },
      { requestOrigins: ['hubs.example:8080'] },
      { servicePorts: [8_080] },
      { lenientOriginList: true },
    ];
    for (const other of [...others, {}]) await checkShared(checks, { ...check, ...other }, async () => valid);
    expect(subjects.size).toBe(others.length);
  });

  test('is trusted as long as where it was found', async () => {
    const clock = new ManualClock();
    let checks = 0;
    const validation = new Validation({
      clock,
      check: async () => {
        checks += 1;
        return { ...valid, ageMs: 50_000 };
      },
      changed: () => {},
    });
    await validation.first();
    clock.advance(9_999);
    expect(validation.ready()).toBeUndefined();
    expect(checks).toBe(1);
    clock.advance(1);
    expect(validation.ready()).toBeUndefined(); // valid, and validated anew in the background
    expect(checks).toBe(2);
  });
});
