import Pusher from 'pusher';
import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { LambdaEntry } from '../../src/webhooks/options.js';
import { AppServer, type Received, type Respond } from '../support/app-server.js';
import { eventually } from '../support/eventually.js';
import { isSignedByAws } from '../support/sigv4.js';
import { SqsServer as AwsServer, hasSqs, requireSqs } from '../support/sqs-server.js';
import { appSettings, startWebhooks } from '../support/webhook-harness.js';

const secret = 'aws-secret';

beforeAll(() => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'aws-key');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', secret);
  return () => vi.unstubAllEnvs();
});

/** One event for one function. */
async function invoke(lambda: LambdaEntry, endpoint: string, allowsLoopback = true) {
  const attempts: unknown[] = [];
  const entry = {
    id: 'f',
    event_types: ['channel_occupied'],
    lambda: { endpoint, ...lambda },
    retry: { enabled: false },
  };
  const observer = { attempted: (_endpoint: string, attempt: unknown) => void attempts.push(attempt) };
  const { connect } = await startWebhooks(appSettings([entry]), { observer, allowsLoopback });
  connect().join('orders-7');
  await eventually(() => expect(attempts).toHaveLength(1));
  return attempts[0];
}

async function aws(onPost: Respond): Promise<AppServer> {
  const server = await AppServer.start();
  onTestFinished(() => server.close());
  server.onPost = onPost;
  return server;
}

const answer =
  (status: number, body = '', headers = {}): Respond =>
  response =>
    response.writeHead(status, headers).end(body);

const token = new Pusher({ appId: '42', key: 'hubkey01', secret: 'hubsecret01', host: 'x' });

function isValid({ body }: Received): boolean {
  const { headers, body: rawBody } = JSON.parse(body.toString());
  const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  return token.webhook({ headers: lower as Record<string, string>, rawBody }).isValid();
}

describe('a function', () => {
  test('[PW-061] is given what an API gateway gives, by a signed request', async () => {
    const server = await aws(answer(202));
    const attempt = await invoke({ function_name: 'F', qualifier: 'PROD', region: 'eu-west-1' }, server.url);
    expect(attempt).toMatchObject({ outcome: 'delivered', status: 202 });
    const [request] = server.posts;
    expect(request?.path).toBe('/2015-03-31/functions/F/invocations?Qualifier=PROD');
    expect(request?.headers['x-amz-invocation-type']).toBe('Event');
    expect(request?.headers.authorization).toContain('/eu-west-1/lambda/aws4_request');
    expect(isSignedByAws(request!, secret)).toBe(true);
    expect(isSignedByAws(request!, 'other')).toBe(false);
    const payload = JSON.parse(request!.body.toString());
    expect(payload).toMatchObject({ isBase64Encoded: false, httpMethod: 'POST' });
    expect(payload.headers['X-Pusher-Key']).toBe('hubkey01');
    expect(isValid(request!)).toBe(true);
  });

  test('is named by its ARN, too', async () => {
    const server = await aws(answer(202));
    const arn = 'arn:aws:lambda:us-east-1:123456789012:function:hooks';
    await invoke({ function_name: arn }, server.url);
    expect(decodeURIComponent(server.posts[0]!.path)).toBe(`/2015-03-31/functions/${arn}/invocations`);
    expect(isSignedByAws(server.posts[0]!, secret)).toBe(true);
  });

  test.each([
    ['raw', /^\{"time_ms":\d+,"events":\[/],
    ['soketi', /^\{"payload":\{"time_ms":\d+,"events":\[.*\]\},"headers":\{.*"X-Pusher-Key":"hubkey01"/],
  ] as const)('is given the payload as %s where it is set', async (payload_format, expected) => {
    const server = await aws(answer(202));
    await invoke({ function_name: 'F', payload_format }, server.url);
    expect(server.posts[0]?.body.toString()).toMatch(expected);
  });

  test.each([
    ['Event', 202],
    ['RequestResponse', 200],
    ['DryRun', 204],
  ] as const)('that is invoked as %s succeeds with %i only', async (invocation_type, status) => {
    const server = await aws(answer(status));
    expect(await invoke({ function_name: 'F', invocation_type }, server.url)).toMatchObject({
      outcome: 'delivered',
      status,
    });
    server.onPost = answer(status === 200 ? 202 : 200);
    expect(await invoke({ function_name: 'F', invocation_type }, server.url)).toMatchObject({ outcome: 'failed' });
  });

  test('[PW-062] that fails is a failure, with what it said', async () => {
    const server = await aws(answer(200, '{"errorMessage":"no"}', { 'X-Amz-Function-Error': 'Unhandled' }));
    expect(await invoke({ function_name: 'F', invocation_type: 'RequestResponse' }, server.url)).toMatchObject({
      outcome: 'failed',
      reason: 'the function failed (Unhandled)',
      answer: '{"errorMessage":"no"}',
    });
  });

  test('that is not there, or may not be invoked, is a failure', async () => {
    const body = '{"Message":"Function not found","Type":"User"}';
    const server = await aws(answer(404, body, { 'x-amzn-ErrorType': 'ResourceNotFoundException' }));
    expect(await invoke({ function_name: 'F' }, server.url)).toMatchObject({
      outcome: 'failed',
      status: 404,
      reason: 'ResourceNotFoundException: Function not found',
    });
    expect(server.posts).toHaveLength(1);
  });

  test('at an address that is refused is not invoked', async () => {
    const server = await aws(answer(202));
    expect(await invoke({ function_name: 'F' }, server.url, false)).toMatchObject({
      outcome: 'refused',
      reason: 'blocked_address',
    });
    expect(server.accepted).toBe(0);
  });
});

test('[PW-061] moto, which others wrote, takes the request', { timeout: 60_000 }, async context => {
  requireSqs(context);
  if (!hasSqs()) return;
  const server = await AwsServer.start();
  onTestFinished(() => server.stop());
  await createFunction(server.url);
  const lambda = { function_name: 'hooks', qualifier: 'PROD' };
  expect(await invoke(lambda, server.url)).toMatchObject({ outcome: 'delivered', status: 202 });
});

/** `hooks`, with the alias `PROD`; it is not run, as that needs containers. */
async function createFunction(url: string): Promise<void> {
  const { CreateAliasCommand, CreateFunctionCommand, LambdaClient } = await import('@aws-sdk/client-lambda');
  await fetch(`${url}/moto-api/config`, { method: 'POST', body: JSON.stringify({ lambda: { use_docker: false } }) });
  const assume = {
    Statement: [{ Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' }],
  };
  await fetch(url, {
    method: 'POST',
    headers: { Authorization: 'AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/iam/aws4_request' },
    body: new URLSearchParams({
      ...{ Action: 'CreateRole', Version: '2010-05-08', RoleName: 'hooks' },
      AssumeRolePolicyDocument: JSON.stringify(assume),
    }),
  });
  const client = new LambdaClient({ endpoint: url, region: 'us-east-1' });
  onTestFinished(() => client.destroy());
  const emptyZip = Buffer.from(`504b0506${'00'.repeat(18)}`, 'hex');
  await client.send(
    new CreateFunctionCommand({
      ...{ FunctionName: 'hooks', Runtime: 'nodejs20.x', Handler: 'index.handler', Publish: true },
      ...{ Role: 'arn:aws:iam::123456789012:role/hooks', Code: { ZipFile: emptyZip } },
    }),
  );
  await client.send(new CreateAliasCommand({ FunctionName: 'hooks', Name: 'PROD', FunctionVersion: '1' }));
}
