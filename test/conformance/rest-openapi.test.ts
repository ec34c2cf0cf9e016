import { expect, test } from 'vitest';
import { startHost } from './rest-api-host.js';

/** [rest-api 2.1–2.5] */
const operations = {
  HealthApi_GetServiceStatus: 'head /api/health 200',
  WebPubSub_SendToAll: 'post /api/hubs/{hub}/:send 202',
  WebPubSub_CloseAllConnections: 'post /api/hubs/{hub}/:closeConnections 204',
  WebPubSub_GenerateClientToken: 'post /api/hubs/{hub}/:generateToken 200',
  WebPubSub_AddConnectionsToGroups: 'post /api/hubs/{hub}/:addToGroups 200',
  WebPubSub_RemoveConnectionsFromGroups: 'post /api/hubs/{hub}/:removeFromGroups 200',
  WebPubSub_ConnectionExists: 'head /api/hubs/{hub}/connections/{connectionId} 200',
  WebPubSub_CloseConnection: 'delete /api/hubs/{hub}/connections/{connectionId} 204',
  WebPubSub_SendToConnection: 'post /api/hubs/{hub}/connections/{connectionId}/:send 202',
  WebPubSub_RemoveConnectionFromAllGroups: 'delete /api/hubs/{hub}/connections/{connectionId}/groups 204',
  WebPubSub_GroupExists: 'head /api/hubs/{hub}/groups/{group} 200',
  WebPubSub_SendToGroup: 'post /api/hubs/{hub}/groups/{group}/:send 202',
  WebPubSub_CloseGroupConnections: 'post /api/hubs/{hub}/groups/{group}/:closeConnections 204',
  WebPubSub_ListConnectionsInGroup: 'get /api/hubs/{hub}/groups/{group}/connections 200',
  WebPubSub_AddConnectionToGroup: 'put /api/hubs/{hub}/groups/{group}/connections/{connectionId} 200',
  WebPubSub_RemoveConnectionFromGroup: 'delete /api/hubs/{hub}/groups/{group}/connections/{connectionId} 204',
  WebPubSub_UserExists: 'head /api/hubs/{hub}/users/{userId} 200',
  WebPubSub_SendToUser: 'post /api/hubs/{hub}/users/{userId}/:send 202',
  WebPubSub_CloseUserConnections: 'post /api/hubs/{hub}/users/{userId}/:closeConnections 204',
  WebPubSub_AddUserToGroup: 'put /api/hubs/{hub}/users/{userId}/groups/{group} 200',
  WebPubSub_RemoveUserFromGroup: 'delete /api/hubs/{hub}/users/{userId}/groups/{group} 204',
  WebPubSub_RemoveUserFromAllGroups: 'delete /api/hubs/{hub}/users/{userId}/groups 204',
  WebPubSub_GrantPermission: 'put /api/hubs/{hub}/permissions/{permission}/connections/{connectionId} 200',
  WebPubSub_RevokePermission: 'delete /api/hubs/{hub}/permissions/{permission}/connections/{connectionId} 204',
  WebPubSub_CheckPermission: 'head /api/hubs/{hub}/permissions/{permission}/connections/{connectionId} 200',
} as const;

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly schema: Readonly<Record<string, unknown>>;
}

interface OperationObject {
  readonly operationId: string;
  readonly parameters: readonly Parameter[];
  readonly responses: Readonly<Record<string, unknown>>;
  readonly requestBody?: { readonly content: Readonly<Record<string, unknown>> };
  readonly security?: readonly unknown[];
}

interface Document {
  readonly openapi: string;
  readonly servers: readonly { readonly url: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, OperationObject>>>>;
}

async function load(endpoints: readonly string[] = []): Promise<Document> {
  const { base } = await startHost({ endpoints });
  const reply = await fetch(`${base}/api/openapi.json`);
  expect([reply.status, reply.headers.get('content-type')]).toEqual([200, 'application/json; charset=utf-8']);
  return (await reply.json()) as Document;
}

function operationsOf({ paths }: Document) {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
}

test('[rest-api 2] the document has the twenty-five operations, and no others', async () => {
  const document = await load();
  expect(document.openapi).toBe('3.1.0');
  const found = operationsOf(document).map(({ path, method, operation }) => {
    const success = Object.keys(operation.responses).find(status => status.startsWith('2'));
    return [operation.operationId, `${method} ${path} ${success}`];
  });
  expect(found).toHaveLength(25);
  expect(Object.fromEntries(found)).toEqual(operations);
});

test('[rest-api 2.7] parameters have their ranges; every name in a path is one', async () => {
  const all = operationsOf(await load());
  for (const { path, operation } of all) {
    const inPath = operation.parameters.filter(parameter => parameter.in === 'path').map(({ name }) => `{${name}}`);
    expect(inPath).toEqual(path.match(/\{\w+\}/g) ?? []);
    for (const { schema } of operation.parameters) expect(schema).toBeTypeOf('object');
  }
  const queryOf = (id: string) =>
    Object.fromEntries(
      all
        .find(({ operation }) => operation.operationId === id)!
        .operation.parameters.filter(parameter => parameter.in === 'query')
        .map(({ name, required, schema }) => [name, { required, ...schema }]),
    );
  expect(Object.keys(queryOf('WebPubSub_SendToAll'))).toEqual([
    'excluded',
    'filter',
    'messageTtlSeconds',
    'api-version',
  ]);
  expect(queryOf('WebPubSub_SendToUser')).toMatchObject({ messageTtlSeconds: { minimum: 0, maximum: 300 } });
  expect(queryOf('WebPubSub_ListConnectionsInGroup')).toMatchObject({
    maxpagesize: { minimum: 1, maximum: 200 },
    top: { minimum: 1, maximum: 2147483647 },
  });
  expect(queryOf('WebPubSub_CheckPermission')).toMatchObject({ targetName: { required: true } });
});

test('[RA-001] [RA-002] only health needs no token', async () => {
  const open = operationsOf(await load()).filter(({ operation }) => operation.security?.length === 0);
  expect(open.map(({ operation }) => operation.operationId)).toEqual(['HealthApi_GetServiceStatus']);
});

test('bodies are listed where there are some', async () => {
  const all = operationsOf(await load()).filter(({ operation }) => operation.requestBody !== undefined);
  const types = Object.fromEntries(
    all.map(({ operation }) => [operation.operationId, Object.keys(operation.requestBody!.content)]),
  );
  const message = ['application/json', 'text/plain', 'application/octet-stream'];
  expect(types).toEqual({
    WebPubSub_SendToAll: message,
    WebPubSub_SendToGroup: message,
    WebPubSub_SendToUser: message,
    WebPubSub_SendToConnection: message,
    WebPubSub_AddConnectionsToGroups: ['application/json'],
    WebPubSub_RemoveConnectionsFromGroups: ['application/json'],
  });
});

test('the server is the public endpoint, and every reference leads somewhere', async () => {
  const document = await load(['https://pubsub.example.com/base']);
  expect(document.servers).toEqual([{ url: 'https://pubsub.example.com/base' }]);
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path]) => path!);
  expect(references.length).toBeGreaterThan(25);
  for (const reference of references) {
    const found = reference
      .split('/')
      .reduce<unknown>((node, key) => (node as Record<string, unknown> | undefined)?.[key], document);
    expect(found).toBeDefined();
  }
});
