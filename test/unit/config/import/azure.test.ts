import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { importFromAzure } from '../../../../src/config/import/import.js';
import { formatPath } from '../../../../src/config/problems.js';

/** As `az` prints it: sorted keys, nulls, read-only fields. */
function printed(name: string, properties: object): object {
  return {
    id: `/subscriptions/x/resourceGroups/rg/providers/Microsoft.SignalRService/WebPubSub/svc/hubs/${name}`,
    name,
    properties: {
      anonymousConnectPolicy: 'deny',
      eventHandlers: null,
      eventListeners: null,
      webSocketKeepAliveIntervalInSeconds: 20,
      ...properties,
    },
    resourceGroup: 'rg',
    systemData: { createdAt: '2026-01-01' },
    type: 'Microsoft.SignalRService/WebPubSub/hubs',
  };
}

function imported(value: unknown, asVariables = false) {
  const { text, ...rest } = importFromAzure(JSON.stringify(value), { file: 'hub.json', asVariables });
  return { ...rest, text, hubs: rest.hubs, tree: parse(text) as { hubs: Record<string, unknown> } };
}

const handler = { auth: null, systemEvents: null, urlTemplate: 'http://h/{event}', userEventPattern: '*' };

describe('hubs of Azure Web PubSub', () => {
  test('become hubs without nulls, read-only fields and what is the default', () => {
    const whole = {
      urlTemplate: 'https://h2',
      systemEvents: ['connect', 'connected'],
      userEventPattern: '',
      auth: { managedIdentity: { resource: 'uri://myUri' }, type: 'ManagedIdentity' },
      groupPresenceEvents: { eventNames: ['joined'], groupFilters: null },
    };
    const found = imported([
      printed('chat', {
        eventHandlers: [handler, whole, { ...handler, auth: { type: 'None', managedIdentity: null } }],
      }),
      printed('open', { anonymousConnectPolicy: 'allow', webSocketKeepAliveIntervalInSeconds: 30 }),
      printed('svc/plain', {}),
    ]);
    const plain = { urlTemplate: 'http://h/{event}', userEventPattern: '*' };
    const { userEventPattern: _, ...rest } = whole;
    expect(found.tree.hubs).toEqual({
      chat: { eventHandlers: [plain, { ...rest, groupPresenceEvents: { eventNames: ['joined'] } }, plain] },
      open: { anonymousConnectPolicy: 'allow', webSocketKeepAliveIntervalInSeconds: 30 },
      plain: {},
    });
    expect(found).toMatchObject({ hubs: 3, unmatched: [], problems: [], secrets: [] });
  });

  test.each([
    ['one', printed('chat', {})],
    ['a list', [printed('chat', {})]],
    ['an answer of the management API', { value: [printed('chat', {})] }],
    ['one without properties', { name: 'chat' }],
  ])('%s is read', (_, value) => {
    expect(imported(value).tree).toEqual({ hubs: { chat: {} } });
  });

  test('secrets in URLs become variables on request, and stay with a warning otherwise', () => {
    const urlTemplate = 'https://h/{event}?code=hush-1&v=2';
    const hubs = [printed('chat', { eventHandlers: [{ urlTemplate }, { urlTemplate }] })];
    const asVariables = imported(hubs, true);
    expect(asVariables.text).not.toContain('hush');
    expect(asVariables.tree.hubs.chat).toEqual({
      eventHandlers: [
        { urlTemplate: `https://h/{event}?code=$\{CHAT_CODE}&v=2` },
        { urlTemplate: `https://h/{event}?code=$\{CHAT_CODE_2}&v=2` },
      ],
    });
    expect(asVariables.secrets.map(({ name }) => name)).toEqual(['CHAT_CODE', 'CHAT_CODE_2']);
    expect(asVariables.problems).toEqual([]);
    const asTheyAre = imported(hubs);
    expect(asTheyAre.text).toMatch(/^# Contains secrets/);
    expect(asTheyAre.text).toContain(urlTemplate);
    expect(asTheyAre.problems).toEqual([]);
  });

  test('references to a Key Vault become variables, and ${ of a URL does not', () => {
    const reference = '{@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/s)}';
    const urls = [`https://h/?code=${reference}`, `https://h/$\{X}`];
    const found = imported(printed('my_hub', { eventHandlers: urls.map(urlTemplate => ({ urlTemplate })) }));
    expect(found.tree.hubs.my_hub).toEqual({
      eventHandlers: [{ urlTemplate: `https://h/?code=$\{MY_HUB_CODE}` }, { urlTemplate: `https://h/$$\{X}` }],
    });
    expect(found.unmatched.map(({ advice }) => advice)).toEqual([
      'set the environment variable MY_HUB_CODE to the secret of the Key Vault',
    ]);
  });

  test('what has no equal is listed with its place', () => {
    const listener = { endpoint: { type: 'EventHub' }, filter: {} };
    const found = imported([
      printed('chat', { eventListeners: [listener], chat: { enabled: true } }),
      printed('b', { eventListeners: [] }),
    ]);
    expect(found.unmatched.map(({ path, advice }) => [formatPath(path), advice])).toEqual([
      ['[0].properties.eventListeners', expect.stringContaining('Event Hubs are not supported')],
      ['[0].properties.chat.enabled', undefined],
    ]);
  });

  test('what the service would refuse is told by its place in the block', () => {
    const found = imported(printed('chat', { eventHandlers: [{ urlTemplate: 'tunnel:///x' }] }));
    expect(found.problems.map(({ path }) => path)).toEqual(['hubs.chat.eventHandlers[0].urlTemplate']);
  });

  test('two hubs of one name are refused: one would be lost', () => {
    expect(() => imported([printed('one/chat', {}), printed('two/Chat', {})])).toThrow(
      'hub.json:1:1: hub "Chat" is there twice; import the hubs of one service at a time',
    );
  });

  test.each(['{"a":1}', '[]x', '[1]', '"text"', '[{"name": 1}]', '{"value": 1}'])('%s is no such file', text => {
    expect(() => importFromAzure(text, { file: 'hub.json', asVariables: false })).toThrow(/^hub\.json:1:\d+: /);
  });
});
