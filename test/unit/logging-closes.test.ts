import { pino } from 'pino';
import { expect, test } from 'vitest';
import { LogObserver } from '../../src/logging.js';
import { facts } from '../support/facts.js';

test('[L11] a client’s own words are in no log; ours are', () => {
  const lines: string[] = [];
  const observer = new LogObserver(pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) }));
  const at = { hub: 'chat', connectionId: 'c', protocol: 'simple', category: 'Normal' } as const;
  observer.tell(facts.closed(at, 'Normal', 'SECRET', true));
  observer.tell(facts.closed(at, 'Normal', 'The connection was lost.'));
  expect(lines.map(line => JSON.parse(line))).toMatchObject([
    { ...at, msg: 'connection closed' },
    { ...at, reason: 'The connection was lost.' },
  ]);
  expect(lines.join('')).not.toMatch(/SECRET|isClientText/);
});
