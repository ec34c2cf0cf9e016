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

  it('is ready after its opening only while it is not paused, also when the pause began before', () => {
    const readiness = new Readiness();
    readiness.pause();
    expect(readiness.state).toBe('starting');
    readiness.open();
    expect(readiness).toMatchObject({ state: 'paused', isReady: false });
    readiness.resume();
    expect(readiness).toMatchObject({ state: 'ready', isReady: true });
    readiness.pause();
    readiness.drain();
    readiness.resume();
    expect(readiness).toMatchObject({ state: 'draining', isReady: false });
  });

  it('tells when clients are admitted, and when they are no longer', () => {
    const readiness = new Readiness();
    const told: boolean[] = [];
    readiness.onChanged = () => void told.push(readiness.isReady);
    readiness.resume();
    readiness.open();
    readiness.pause();
    readiness.pause();
    readiness.resume();
    readiness.drain();
    readiness.resume();
    readiness.open();
    expect(told).toEqual([true, false, true, false]);
  });

  it('says why clients are not admitted', () => {
    const readiness = new Readiness();
    const { whyNot } = readiness;
    expect(whyNot).toBe('the service starts');
    readiness.wait('bus', 'waiting for NATS at a:1: connection refused');
    expect(readiness.whyNot).toBe('waiting for NATS at a:1: connection refused');
    readiness.wait('bus', undefined);
    expect(readiness.whyNot).toBe(whyNot);
    readiness.open();
    expect(readiness.whyNot).toBeUndefined();
    readiness.pause();
    expect(readiness.whyNot).toMatch(/^paused: /);
    readiness.drain();
    expect(readiness.whyNot).toBe('the service stops');
  });

  it('stays draining when the service is stopped before it was ready', () => {
    const readiness = new Readiness();
    readiness.drain();
    readiness.open();
    expect(readiness).toMatchObject({ state: 'draining', isReady: false });
  });

  it('is not ready while other nodes do not reach it', () => {
    const readiness = new Readiness();
    readiness.exclude(true);
    expect(readiness.whyNot).toMatch(/may not subscribe in NATS/);
    readiness.open();
    expect(readiness).toMatchObject({ state: 'excluded', isReady: false });
    readiness.pause();
    readiness.exclude(false);
    expect(readiness.state).toBe('paused');
    readiness.resume();
    expect(readiness.state).toBe('ready');
  });
});
