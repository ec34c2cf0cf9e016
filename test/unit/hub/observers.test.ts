import { describe, expect, test } from 'vitest';
import { observers } from '../../../src/hub/observers.js';
import type { Observer } from '../../../src/hub/ports.js';
import { facts } from '../../support/facts.js';
import { RecordingObserver } from '../../support/recording-observer.js';

const opened = facts.opened({ hub: 'chat', protocol: 'simple' });

function tellEverything(observer: Observer): void {
  observer.tell(opened);
  observer.received('chat', 'simple', 1);
  observer.sent('chat', 'simple', 1, 1);
  observer.delivered('chat', 1, 1);
  const path = '/client/hubs/chat';
  observer.connectionRefused({ hub: 'chat', status: 401, reason: '', method: 'GET', path, durationMs: 1 });
  observer.upgraded({ hub: 'chat', connectionId: 'c', path, status: 101, durationMs: 1 });
  const call = { method: 'POST', path: '/api/hubs/chat/:send', status: 202, durationMs: 1 };
  observer.restCallFinished('WebPubSub_SendToAll', 202, 1);
  observer.restCallTold({ ...call, receivers: 1, reason: undefined, isAnswer: false });
  observer.handlerChanged({ hub: 'chat', url: 'u', state: 'active', reason: undefined });
  observer.warned({ hub: 'chat', warning: 'w' });
  observer.fault('w', undefined);
}

describe('readers of what happened', () => {
  test('all are told, in order; each may leave out what it does not care for', () => {
    const told: string[] = [];
    const all = observers(
      { tell: ({ kind }) => told.push(`first ${kind}`) },
      { fault: where => told.push(where) },
      { tell: ({ hub }) => told.push(`third ${hub}`) },
    );
    all.tell(opened);
    all.sent('chat', 'simple', 1, 2);
    all.fault('somewhere', new Error());
    expect(told).toEqual(['first opened', 'third chat', 'somewhere']);
  });

  test('each keeps its own `this`, and everything it can be told arrives', () => {
    const [first, second] = [new RecordingObserver(), new RecordingObserver()];
    for (const all of [observers(first), observers(first, second)]) tellEverything(all);
    expect(second.facts.map(({ what }) => what)).toEqual([
      ...['opened', 'received', 'sent', 'delivered', 'connectionRefused'],
      ...['upgraded', 'restCallFinished', 'restCallTold', 'handlerChanged', 'warned', 'fault'],
    ]);
    expect(second.of('sent')).toEqual([{ what: 'sent', hub: 'chat', protocol: 'simple', receivers: 1, bytes: 1 }]);
    expect(first.facts).toEqual([...second.facts, ...second.facts]);
  });

  test('one that throws is a fault once; neither the caller nor the other readers notice', () => {
    const broken = () => {
      throw new Error('a bug of this reader');
    };
    const [before, after] = [new RecordingObserver(), new RecordingObserver()];
    const all = observers(before, { tell: broken, received: broken, sent: broken, fault: broken }, after);
    tellEverything(all);
    tellEverything(all);
    for (const reader of [before, after]) {
      expect(reader.of('fault').map(({ where }) => where)).toEqual(['a reader of what happened, at tell', 'w', 'w']);
      expect(reader.of('opened')).toHaveLength(2);
      expect(reader.of('received')).toHaveLength(2);
    }
  });

  test('what a reader causes is told at once, to all of them', () => {
    const recorder = new RecordingObserver();
    const all: Observer = observers(recorder, {
      tell: ({ kind }) => {
        if (kind === 'opened') all.tell(facts.refused({ hub: 'chat' }, 'at once'));
      },
    });
    all.tell(opened);
    expect(recorder.facts.map(({ what }) => what)).toEqual(['opened', 'refused']);
  });
});
