import { expect, test } from 'vitest';
import { MemoryBus } from '../../../src/backplane/memory.js';
import { describeBackplane } from '../../support/backplane-contract.js';
import { textPayload } from '../../support/fake-ports.js';

describeBackplane('memory', async count => {
  const bus = new MemoryBus();
  return Array.from({ length: count }, () => bus.connect());
});

test('a command has been carried out when publish returns', () => {
  const bus = new MemoryBus();
  const [a, b] = [bus.connect(), bus.connect()];
  let heard = 0;
  b.attach({
    perform: () => {
      heard += 1;
      return { matched: 0, members: [], conflicts: 0 };
    },
  });
  const message = { kind: 'serverMessage', payload: textPayload('x') } as const;
  a.publish({ scope: 'hub', hub: 'chat' }, { kind: 'send', message, excluded: [], filter: undefined, ttlSeconds: 0 });
  expect(heard).toBe(1);
});

test('two buses know nothing of each other', async () => {
  const [a, b] = [new MemoryBus().connect(), new MemoryBus().connect()];
  b.attach({ perform: () => ({ matched: 1, members: [], conflicts: 0 }) });
  expect(await a.gather({ scope: 'hub', hub: 'chat' }, { kind: 'count', filter: undefined })).toEqual([]);
});
