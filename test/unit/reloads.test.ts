import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/load.js';
import { Reloads } from '../../src/reloads.js';
import { Settings } from '../../src/settings.js';
import { ManualClock } from '../support/manual-clock.js';

function configOf(text: string) {
  return parseConfig(text, { file: 'hubs.yaml', env: {} });
}

/** Reloads of a service that starts without apps. */
function reloadsOf({
  isPublic,
  isValidationEndless = false,
  fault,
}: {
  isPublic: boolean;
  isValidationEndless?: boolean;
  fault?: Error;
}) {
  const lines: string[] = [];
  const steps: string[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line).msg) });
  const settings = new Settings(configOf('hubs: {}'));
  const handlers = {
    configure: (_handlers: unknown, _options: unknown, swap: () => void = () => {}) => {
      swap();
      steps.push('in use');
      return isValidationEndless ? new Promise<void>(() => {}) : Promise.resolve();
    },
  };
  const user = {
    prepare: async () => {
      steps.push('prepared');
      if (fault !== undefined) throw fault;
    },
    apply: async () => void steps.push('applied'),
  };
  const reloads = new Reloads(settings, handlers as never, new ManualClock(), log, isPublic, user);
  return { reloads, settings, lines, steps };
}

const own = 'apps: [{ id: "42", key: k, secret: own }]';
const sample = 'apps: [{ id: app, key: app-key, secret: app-secret }]';

describe('a reload', () => {
  test('swaps the apps for everyone who looks them up', async () => {
    const { reloads, settings, lines } = reloadsOf({ isPublic: true });
    const apps = settings.ofApps();
    expect(apps.findById('42')).toBeUndefined();
    await reloads.add(configOf(own));
    expect([apps.findById('42')?.id, apps.findByKey('k')?.id, apps.all().length]).toEqual(['42', '42', 1]);
    expect(lines).toEqual(['the new configuration is applied: app 42 added']);
  });

  test('with a secret that everyone knows is rejected where other machines reach the service', async () => {
    const { reloads, settings, lines } = reloadsOf({ isPublic: true });
    await reloads.add(configOf(own));
    await reloads.add(configOf(sample));
    expect(settings.ofApps().findById('app')).toBeUndefined();
    expect(settings.ofApps().findById('42')?.id).toBe('42');
    expect(lines.at(-1)).toBe(
      'the configuration not applied, the previous configuration is kept: other machines reach the service, while app app has a secret of a sample, which everyone knows; give it one of its own: openssl rand -hex 20',
    );
  });

  test('is prepared before it is in use', async () => {
    const { reloads, steps } = reloadsOf({ isPublic: true });
    await reloads.add(configOf(own));
    expect(steps).toEqual(['prepared', 'in use', 'applied']);
  });

  test('that cannot be prepared changes nothing, and says why; the next one is prepared anew', async () => {
    const fault = new Error('data has 1 MiB of free space');
    const { reloads, settings, lines, steps } = reloadsOf({ isPublic: true, fault });
    await reloads.add(configOf(own));
    expect(settings.ofApps().all()).toEqual([]);
    expect(lines).toEqual([
      'the configuration not applied, the previous configuration is kept: data has 1 MiB of free space',
    ]);
    await reloads.add(configOf(own));
    expect(steps).toEqual(['prepared', 'prepared']);
  });

  test('with a secret that everyone knows is applied on loopback', async () => {
    const { reloads, settings } = reloadsOf({ isPublic: false });
    await reloads.add(configOf(sample));
    expect(settings.ofApps().findById('app')?.id).toBe('app');
  });
});

describe('an edit', () => {
  test('[MG-004] is in use when it settles, without waiting for event handlers to be validated', async () => {
    const { settings, reloads } = reloadsOf({ isPublic: false, isValidationEndless: true });
    const edited = configOf('hubs: { chat: {} }');
    await reloads.takeOver(edited);
    expect(settings.config).toBe(edited);
  });

  test('[MG-004] that is in use already is not applied again', async () => {
    const { lines, reloads } = reloadsOf({ isPublic: false });
    await reloads.takeOver(configOf('hubs: { chat: {} }'));
    await reloads.takeOver(configOf('hubs: { chat: {} }'));
    expect(lines).toEqual(['the new configuration is applied: hub chat added']);
  });
});
