import { expect, test } from 'vitest';
import { Keys } from '../../../src/auth/keys.js';
import { lifeOf } from '../../../src/node-life.js';
import { Readiness } from '../../../src/readiness.js';
import type { Service } from '../../../src/service.js';
import type { FromWorker, ToWorker } from '../../../src/workers/messages.js';
import { Worker } from '../../../src/workers/worker.js';
import { TestNode } from '../../support/fake-ports.js';

test('[cluster 6.2] a worker tells its parent when it is paused, fenced and live again, and that it stops', () => {
  const node = new TestNode();
  const readiness = new Readiness();
  const said: FromWorker[] = [];
  const worker = new Worker({
    service: { readiness, stop: async () => readiness.drain() } as unknown as Service,
    keys: new Keys({ primary: 'a', secondary: 'b' }),
    token: '',
    channel: { send: message => void said.push(message), onMessage: () => {} },
    clock: node.clock,
    load: () => Promise.reject(new Error('nothing is loaded')),
    watch: () => {},
    failureText: String,
    exit: () => {},
  });
  const life = lifeOf({ hubs: () => node.hubs, readiness, clock: node.clock, observer: { fault: () => {} } });
  const admissions = () =>
    said.splice(0).map(message => (message.kind === 'admission' ? message.isOpen : message.kind));
  readiness.open();
  expect(admissions()).toEqual(['started', true]);
  life.pause();
  life.resume();
  expect(admissions()).toEqual([false, true]);
  life.fence();
  life.resume(); // under its next tag
  expect(admissions()).toEqual([false, true]);
  life.pause();
  life.fence();
  expect(admissions()).toEqual([false]);
  life.resume();
  worker.stop();
  expect(admissions()).toEqual([true, false]);
});

test('a worker answers each ping at once', () => {
  const said: FromWorker[] = [];
  let take: (message: ToWorker) => void = () => {};
  new Worker({
    service: { readiness: new Readiness() } as unknown as Service,
    keys: new Keys({ primary: 'a', secondary: 'b' }),
    token: '',
    channel: {
      send: message => void said.push(message),
      onMessage: listener => {
        take = listener;
      },
    },
    clock: new TestNode().clock,
    load: () => Promise.reject(new Error('nothing is loaded')),
    watch: () => {},
    failureText: String,
    exit: () => {},
  });
  take({ kind: 'ping' });
  expect(said).toEqual([{ kind: 'started' }, { kind: 'pong' }]);
});
