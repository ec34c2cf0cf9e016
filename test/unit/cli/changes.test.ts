import { describe, expect, test } from 'vitest';
import { type Change, changed } from '../../../src/cli/hub/changes.js';
import { UsageError } from '../../../src/cli/usage-error.js';

const hub = {
  id: '/x',
  name: 'chat',
  type: 't',
  properties: {
    eventHandlers: [{ urlTemplate: 'http://a.b/?c=d', userEventPattern: '*' }, { urlTemplate: 'http://b' }],
    anonymousConnectPolicy: 'deny',
  },
};

/** @param args as they are typed: `--set a=1` */
function propertiesAfter(args: readonly string[], forcesText = false): unknown {
  const [flag, ...values] = args as [Change['flag'], ...string[]];
  return changed(hub, [{ flag, values }], forcesText).properties;
}

describe('hub update', () => {
  test('sets a property, one of an item, and one that is not there yet', () => {
    expect(propertiesAfter(['--set', 'properties.anonymousConnectPolicy=allow'])).toMatchObject({
      anonymousConnectPolicy: 'allow',
    });
    expect(propertiesAfter(['--set', 'properties.eventHandlers[1].auth.type=None'])).toMatchObject({
      eventHandlers: [{}, { auth: { type: 'None' } }],
    });
    expect(
      propertiesAfter(['--set', 'properties.eventHandlers[urlTemplate=http://a.b/?c=d].urlTemplate=http://x/?y=z']),
    ).toMatchObject({ eventHandlers: [{ urlTemplate: 'http://x/?y=z' }, {}] });
    expect(propertiesAfter(['--set', 'properties.a=1', 'properties.b=true'])).toMatchObject({ a: 1, b: true });
    expect(propertiesAfter(['--set', 'properties.a=1'], true)).toMatchObject({ a: '1' });
    expect(propertiesAfter(['--set', 'properties.eventHandlers[1]={"urlTemplate":"x"}'])).toMatchObject({
      eventHandlers: [{}, { urlTemplate: 'x' }],
    });
    expect(hub.properties.anonymousConnectPolicy).toBe('deny');
  });

  test('adds to a list, as pairs or as JSON, and removes', () => {
    expect(
      propertiesAfter(['--add', 'properties.eventHandlers', 'urlTemplate=http://c?d=e', 'userEventPattern=*']),
    ).toMatchObject({
      eventHandlers: [{}, {}, { urlTemplate: 'http://c?d=e', userEventPattern: '*' }],
    });
    expect(
      propertiesAfter(['--add', 'properties.eventHandlers[1].systemEvents', '"connect"', 'connected']),
    ).toMatchObject({
      eventHandlers: [{}, { systemEvents: ['connect', 'connected'] }],
    });
    expect(propertiesAfter(['--remove', 'properties.eventHandlers', '0'])).toMatchObject({
      eventHandlers: [{ urlTemplate: 'http://b' }],
    });
    expect(propertiesAfter(['--remove', 'properties.anonymousConnectPolicy'])).not.toHaveProperty(
      'anonymousConnectPolicy',
    );
  });

  test.each([
    [['--set', 'properties.a'], 'write it as PATH=VALUE'],
    [['--set', 'name=x'], 'only properties.… of a hub can be changed, not "name"'],
    [['--set', 'properties.eventHandlers[5].urlTemplate=x'], 'it has the places 0 to 1'],
    [['--set', 'properties.eventHandlers[urlTemplate=no].x=1'], 'the list has no such item'],
    [['--set', 'properties.eventHandlers.urlTemplate=x'], 'a list has no property "urlTemplate"; choose an item: [0]'],
    [['--set', 'properties.anonymousConnectPolicy.x=1'], '"anonymousConnectPolicy" is a plain value'],
    [['--set', 'properties.anonymousConnectPolicy[0]=1'], '"anonymousConnectPolicy" is a plain value'],
    [['--set', 'properties]x=1'], 'write it as PATH=VALUE'],
    [['--remove', 'properties]x'], 'is no path'],
    [['--set', 'properties.__proto__.x[0]=1'], 'is no list'],
    [['--add', 'properties.anonymousConnectPolicy', 'x'], 'this is no list'],
    [['--add', 'properties.eventHandlers'], 'nothing to add is given; write KEY=VALUE'],
    [['--remove', 'properties.anonymousConnectPolicie'], 'did you mean anonymousConnectPolicy?'],
    [['--remove', 'properties.eventHandlers', '2'], 'it has the places 0 to 1'],
    [['--remove', 'properties.eventHandlers', 'x', 'y'], 'write it as --remove PATH'],
  ])('refuses %j', (args, reason) => {
    expect(() => propertiesAfter(args)).toThrow(UsageError);
    expect(() => propertiesAfter(args)).toThrow(reason);
  });

  test('a path of prototypes reaches no object but the hub', () => {
    propertiesAfter(['--set', 'properties.__proto__.polluted=1', 'properties.constructor.prototype.polluted=1']);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });
});
