import { describe, expect, test } from 'vitest';
import { type ClusterSettings, ConfigError, parseConfig } from '../../../src/config/load.js';

function clusterOf(text: string, env: Readonly<Record<string, string>> = {}): ClusterSettings {
  return parseConfig(text, { file: 'hubs.yaml', env }).cluster;
}

describe('cluster', () => {
  test('has defaults', () => {
    const defaults = {
      leaseMs: 20_000,
      onIsolation: 'pause',
      keepBytes: 16_777_216,
      isSigned: false,
      replicas: 'auto',
    };
    expect(clusterOf('hubs: {}')).toEqual(defaults);
    expect(clusterOf('cluster:\n')).toEqual(defaults);
  });

  test('all of it', () => {
    const text = 'cluster: { leaseSeconds: 3, onIsolation: Serve, keepBytes: 65536, sign: true, replicas: 3 }';
    const all = { leaseMs: 3_000, onIsolation: 'serve', keepBytes: 65_536, isSigned: true, replicas: 3 };
    expect(clusterOf(text)).toEqual(all);
  });

  test.each([
    ['1', 1],
    ['"5"', 5],
    ['AUTO', 'auto'],
    [`$\{COUNT}`, 3],
  ])('replicas: %s', (written, replicas) => {
    expect(clusterOf(`cluster:\n  replicas: ${written}\n`, { COUNT: '3' }).replicas).toBe(replicas);
  });

  test.each([
    'leaseSeconds: 2',
    'leaseSeconds: 2.5',
    'onIsolation: stop',
    'keepBytes: 100',
    'sign: maybe',
    'replicas: 2',
    'replicas: three',
    'lease: 20',
  ])('%s is refused, with its place', setting => {
    const [key = ''] = setting.split(':');
    expect(() => clusterOf(`cluster:\n  ${setting}\n`)).toThrow(ConfigError);
    expect(() => clusterOf(`cluster:\n  ${setting}\n`)).toThrow(new RegExp(`hubs.yaml:2:.*cluster\\.${key}`));
  });
});
