import { describe, expect, test } from 'vitest';
import { eventHandlerOf } from '../../../src/cli/hub/event-handler.js';
import { UsageError } from '../../../src/cli/usage-error.js';

const url = 'url-template=http://h';

describe('[MG-053] an event handler of the command line', () => {
  test('has its keys in any order; items are split at the first equals sign; the last value counts', () => {
    const items = ['auth-resource=api://x', 'system-event=Connected', 'url-template=http://no', 'user-event-pattern=*'];
    const more = [
      'url-template=http://h/?a=b=c',
      'auth-type=managedidentity',
      'system-event=connect',
      'system-event=connect',
    ];
    expect(eventHandlerOf([...items, ...more])).toEqual({
      urlTemplate: 'http://h/?a=b=c',
      userEventPattern: '*',
      systemEvents: ['connected', 'connect'],
      auth: { type: 'ManagedIdentity', managedIdentity: { resource: 'api://x' } },
    });
    expect(eventHandlerOf([url, 'auth-type=None'])).toEqual({ urlTemplate: 'http://h', auth: { type: 'None' } });
  });

  test.each([
    [['http://h'], '"http://h" has no "="; write it as KEY=VALUE'],
    [['url-templat=http://h'], 'unknown key "url-templat"; did you mean url-template?'],
    [[url, 'zzzzzzzzzz=1'], 'unknown key "zzzzzzzzzz"; keys are url-template, user-event-pattern'],
    [['user-event-pattern=*'], 'add url-template='],
    [['url-template='], 'add url-template='],
    [[url, 'system-event=conected'], 'unknown system-event "conected"; did you mean connected?'],
    [[url, 'system-event=connect, connected'], 'system-event=connect system-event=connected'],
    [
      [url, 'system-event=vote'],
      'system events are connect, connected, disconnected; others are named by user-event-pattern',
    ],
    [[url, 'auth-type=Key'], 'auth-type is None or ManagedIdentity, not "Key"'],
    [[url, 'auth-resource=x'], 'only with auth-type=ManagedIdentity'],
    [[url, 'auth-type=None', 'auth-resource=x'], 'only with auth-type=ManagedIdentity'],
    [[url, 'auth-type=ManagedIdentity'], 'needs auth-resource='],
  ])('[MG-054] %j is refused', (items, reason) => {
    expect(() => eventHandlerOf(items)).toThrow(UsageError);
    expect(() => eventHandlerOf(items)).toThrow(reason);
  });
});
