import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import { publishedSchema } from '../../../src/config/schema/published.js';

const committed = readFileSync(new URL('../../../hubs.schema.json', import.meta.url), 'utf8');

describe('hubs.schema.json', () => {
  test('[design 2] is what the schema of the service publishes; `npm run schema` writes it anew', () => {
    expect(JSON.parse(committed)).toEqual(JSON.parse(JSON.stringify(publishedSchema())));
  });

  test('[F15] is a draft-07 schema with a title, and an id with the major and minor version of the program', () => {
    const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
      version: string;
    };
    expect(JSON.parse(committed)).toMatchObject({
      $schema: 'http://json-schema.org/draft-07/schema#',
      $id: `urn:hubwire:schema:hubs:${version.split('.').slice(0, 2).join('.')}`,
      title: 'Hubwire hubs.yaml',
    });
  });

  test('[F15] is valid in strict validators: no unknown keyword, format or type', () => {
    expect(() => new Ajv({ strict: true }).compile(JSON.parse(committed))).not.toThrow();
  });

  test('describes every field', () => {
    const undescribed: string[] = [];
    visitFields(publishedSchema(), 'file', (name, field) => {
      if (typeof field.description !== 'string') undescribed.push(name);
    });
    expect(undescribed).toEqual([]);
  });
});

describe('an editor', () => {
  const accepts = new Ajv({ strict: true }).compile(JSON.parse(committed));
  const url = 'http://h/';

  test.each([
    {},
    { hubs: null, delivery: null, limits: null },
    { hubs: { chat: null, News: { anonymousConnectPolicy: 'allow', webSocketKeepAliveIntervalInSeconds: 120 } } },
    { hubs: { chat: { eventHandlers: [{ urlTemplate: url, systemEvents: ['connect'], userEventPattern: '*' }] } } },
    {
      hubs: {
        chat: { anonymousConnectPolicy: 'Allow', eventHandlers: [{ urlTemplate: url, systemEvents: ['CONNECT'] }] },
      },
    },
    { hubs: { chat: { eventHandlers: [{ urlTemplate: url, auth: { type: 'None' } }] } } },
    { hubs: { chat: { webSocketKeepAliveIntervalInSeconds: '$' + '{SECONDS}' } } },
    { auth: { disableLocalAuth: true, entra: { issuers: [{ issuer: '$' + '{ISSUER}' }] } } },
    { auth: { entra: { issuers: [{ issuer: 'https://sts.windows.net/$' + '{TENANT}/', jwksUri: null }] } } },
    { auth: { entra: { issuers: [{ issuer: 'http://localhost:$' + '{PORT}/a' }, { issuer: 'http://[::1]' }] } } },
    { queue: { driver: 'sqs', sqs: { queue_url: 'https://$' + '{HOST}:1?q' } } },
    { delivery: { lenientOriginList: '$' + '{LENIENT}', retryDelaysInSeconds: [1, 3, 5] } },
  ])('finds nothing wrong with %j', file => {
    expect(accepts(file)).toBe(true);
  });

  test.each([
    null,
    [],
    { hub: {} },
    { hubs: { '1chat': {} } },
    { hubs: { chat: { eventListeners: [] } } },
    { hubs: { chat: { anonymousConnectPolicy: 'maybe' } } },
    { hubs: { chat: { webSocketKeepAliveIntervalInSeconds: 0 } } },
    { hubs: { chat: { webSocketKeepAliveIntervalInSeconds: '20' } } },
    { hubs: { chat: { eventHandlers: [{}] } } },
    { hubs: { chat: { eventHandlers: [{ urlTemplate: url, auth: { type: 'ManagedIdentity' } }] } } },
    { hubs: { chat: { eventHandlers: [{ urlTemplate: url, auth: { managedIdentity: { resource: 'x' } } }] } } },
    { limits: { maxConnections: 1.5 } },
    { auth: { entra: { issuers: [{ issuer: 'http://login.example' }] } } },
    { auth: { entra: { issuers: [{ issuer: 'https://u:p@login.example' }] } } },
    { auth: { entra: { issuers: [{ issuer: 'http://localhost:p@login.example' }] } } },
    { queue: { driver: 'sqs', sqs: { queue_url: 'http://u:p@h/q' } } },
    { auth: { entra: { issuers: [{ jwksUri: 'https://login.example/keys' }] } } },
  ])('marks %j', file => {
    expect(accepts(file)).toBe(false);
  });
});

type Schema = Record<string, unknown>;

/** Calls `visit` with each schema that stands for a value of the file. */
function visitFields(schema: Schema, name: string, visit: (name: string, schema: Schema) => void): void {
  visit(name, schema);
  const inner = { ...(schema.properties as Schema), ...(schema.patternProperties as Schema) };
  for (const [key, field] of Object.entries(inner)) visitFields(field as Schema, `${name}.${key}`, visit);
  if (schema.items) visitFields(schema.items as Schema, `${name}[]`, visit);
}
