import { describe, expect, it } from 'vitest';
import { Readiness } from '../../src/readiness.js';

describe('Readiness', () => {
  it('admits clients from its opening until it drains', () => {
    const readiness = new Readiness();
    expect(readiness).toMatchObject({ state: 'starting', isReady: false });
    readiness.open();
    expect(readiness).toMatchObject({ state: 'ready', isReady: true });
    readiness.drain();
    expect(readiness).toMatchObject({ state: 'draining', isReady: false });
  });

  it('stays draining when the service is stopped before it was ready', () => {
    const readiness = new Readiness();
    readiness.drain();
    readiness.open();
    expect(readiness).toMatchObject({ state: 'draining', isReady: false });
  });
});
