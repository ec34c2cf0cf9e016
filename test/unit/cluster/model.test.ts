import { describe, expect, test } from 'vitest';
import { explore } from '../../support/takeover-model/explore.js';

describe('every run of an owner and two claimers that are slow, dead, or too early', () => {
  test('one connection: one disconnected for each connected', () => {
    const { states, fault } = explore({ connections: 1, lost: 0, takeovers: 1 });
    expect(fault).toBeUndefined();
    expect(states).toBeGreaterThan(5_000);
  });

  test('is found broken without conditional appends: a connected that nobody ends', () => {
    const { fault } = explore({ connections: 1, lost: 0, takeovers: 1, isUnconditional: true });
    expect(fault?.what).toContain('that nobody ends');
  });

  test('is found broken without intents: two different disconnected', () => {
    const { fault } = explore({ connections: 1, lost: 0, takeovers: 1, hasNoIntents: true });
    expect(fault?.what).toContain('two different disconnected');
  });
});
