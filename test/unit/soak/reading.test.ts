import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../../src/config/load.js';
import { Tally } from '../../soak/app/tally.js';
import { Dice } from '../../soak/dice.js';
import { firstVariant, hubsYaml, nextVariant, spoil } from '../../soak/load/hubs-yaml.js';
import { readOptions } from '../../soak/options.js';
import { isTakenEdit, ServerLog } from '../../soak/server/log.js';
import { Samples } from '../../soak/server/metrics.js';
import { headersOf, tell, wellTally } from './soak-facts.js';

describe('the log of the service', () => {
  const line = (level: string, msg: string) => `${JSON.stringify({ level, msg })}\n`;

  test('every error is a fault, but for refused edits', () => {
    const log = new ServerLog();
    const faults = [
      line('error', 'internal error'),
      line('fatal', 'out of memory'),
      line('error', 'hubs.yaml not applied, the previous configuration is kept'),
    ];
    log.write(
      line('info', 'fine') +
        line('warn', 'event failed') +
        line('error', 'hubs.yaml not applied, the previous configuration is kept:\nbad'),
    );
    log.write(faults.join(''));
    expect(log).toMatchObject({ faultCount: 3, refusedEdits: 1, faults: faults.map(fault => fault.trim()) });
  });

  test('lines come in pieces; those who wait are told of the next one', async () => {
    const log = new ServerLog();
    const others: string[] = [];
    log.onOther(text => others.push(text));
    const taken = log.next(({ msg }) => isTakenEdit(msg));
    const text = line('info', 'the new configuration is applied');
    log.write(`Debugger listening\n${text.slice(0, 9)}`);
    log.write(text.slice(9));
    expect([(await taken).level, others]).toEqual(['info', ['Debugger listening']]);
  });
});

test('metrics are summed by labels', () => {
  const samples = new Samples('hubwire_a{x="1",y="}\\""} 2\nhubwire_a{x="1",y="b"} 3\nhubwire_a_b 4\nprocess_a 5\n');
  expect([samples.sum('a'), samples.sum('a', { y: 'b' }), samples.sum('a_b'), samples.sum('process_a')]).toEqual([
    5, 3, 4, 5,
  ]);
  expect(samples.sum('none')).toBe(0);
  expect([...samples.by('a', 'x')]).toEqual([['1', 5]]);
});

describe('the tally of the app servers', () => {
  test('an event that is tried again is one event', () => {
    expect(wellTally().totals('user')).toEqual({ events: 1, tries: 2, taken: 1, refused: 0 });
  });

  test('the same id of another connection is another event', () => {
    const tally = new Tally();
    tell(tally, 'a', { type: 'user.x', id: '1', body: '{"mark":"mark-5"}' });
    tell(tally, 'b', { type: 'user.x', id: '1', body: 'mark-5' });
    expect([tally.totals('user').events, tally.marked('mark-5').length]).toEqual([2, 2]);
  });

  test('a user event may be named like a system event', () => {
    const tally = new Tally();
    expect(tally.heard('/', headersOf({ type: 'user.connected', id: '1' }, 'a'), '').kind).toBe('user');
  });
});

describe('hubs.yaml', () => {
  const urls = { steady: 'http://127.0.0.1:1', guest: 'http://127.0.0.1:2', unwilling: 'http://127.0.0.1:3' };
  const parse = (text: string) => parseConfig(text, { file: 'hubs.yaml', env: {} });

  test('every version is good, and every spoilt one is refused', () => {
    const dice = new Dice(1, 'hubs.yaml');
    for (let version = 0; version < 200; version += 1) {
      const text = hubsYaml(urls, version === 0 ? firstVariant : nextVariant(urls, version, dice));
      expect(parse(text).hubs.get('probed')?.eventHandlers[0]?.urlTemplate).toContain(`/v${version}/`);
      const spoilt = spoil(text, dice);
      if (spoilt !== '') expect(() => parse(spoilt)).toThrow(); // an empty file is refused by those who watch it
    }
  });
});

describe('options', () => {
  test('ten minutes and a seed of its own, unless told otherwise', () => {
    expect(readOptions([]).loadMs).toBe(600_000);
    expect(readOptions(['--minutes', '0.5', '--seed', '7'])).toMatchObject({ loadMs: 30_000, seed: 7 });
  });

  test.each([
    ['--minutes', '0'],
    ['--minutes', 'many'],
    ['--seed', '-1'],
    ['--seed', '1.5'],
  ])('%s %s is an error that names it', (option, value) => {
    expect(() => readOptions([`${option}=${value}`])).toThrow(option);
  });
});

test('the same seed and name give the same throws', () => {
  const row = (seed: number, name: string) => {
    const dice = new Dice(seed, name);
    return Array.from({ length: 100 }, () => dice.between(1, 6));
  };
  expect(row(1, 'a')).toEqual(row(1, 'a'));
  expect(row(1, 'a')).not.toEqual(row(1, 'b'));
  expect(new Set(row(2, 'a'))).toEqual(new Set([1, 2, 3, 4, 5, 6]));
});
