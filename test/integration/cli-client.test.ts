import { describe, expect, test } from 'vitest';
import { fileWith, HubwireProcess, runHubwire } from '../support/hubwire-process.js';
import { startHub } from '../support/start-hub.js';
import { startProxy } from '../support/tcp-proxy.js';

const handler = { userEventPattern: '*' };

/** The frames that were printed. */
function framesIn(stdout: string) {
  return stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line));
}

describe('client start', () => {
  test.each(['json', 'reliable', 'protobuf'])(
    '[MG-058] %s: commands are sent, frames are printed, the end of the input is 0',
    async protocol => {
      const { connectionString, upstream } = await startHub({ handler });
      const args = ['client', 'start', '--hub-name', 'chat', '--user-id', 'ann', '--protocol', protocol];
      const input = 'joingroup my room\nJOINGROUP g\nsendtogroup g  hello  all \n\nevent vote yes\nleavegroup g\n';
      const outcome = await runHubwire(args, { WebPubSubConnectionString: connectionString }, { input });
      expect(outcome).toMatchObject({ code: 0, stderr: '' });
      const [connected, ...frames] = framesIn(outcome.stdout);
      expect(connected).toMatchObject({ type: 'system', event: 'connected', userId: 'ann' });
      expect(frames.filter(({ type }) => type === 'ack')).toEqual(
        [1, 2, 3, 4, 5].map(ackId => expect.objectContaining({ ackId, success: true })),
      );
      expect(frames.find(({ type }) => type === 'message')).toMatchObject({
        from: 'group',
        group: 'g',
        dataType: 'text',
        data: 'hello  all',
      });
      expect(String((await upstream.next('vote')).body)).toBe('yes');
    },
  );

  test('[MG-058] simple: each line is a message, and frames are printed as they come', async () => {
    const { connectionString, upstream } = await startHub({ handler });
    upstream.on(
      'message',
      (_request, response) => void response.writeHead(200, { 'content-type': 'text/plain' }).end('pong'),
    );
    const args = [
      'client',
      'start',
      '--hub-name',
      'chat',
      '--protocol',
      'simple',
      '--connection-string',
      connectionString,
    ];
    const client = new HubwireProcess(args, {}, { input: 'open' });
    client.type('joingroup g\n');
    await client.find(/^pong\n$/);
    expect(String((await upstream.next('message')).body)).toBe('joingroup g');
    client.endInput();
    expect(await client.exit).toMatchObject({ code: 0 });
  });

  test('[MG-058] pusher: channels are joined with a signature, client events reach the others, pings are answered', async () => {
    const yaml = 'apps: [{ id: a, key: app-key, secret: of-our-own, enable_client_messages: true }]\n';
    const { connectionString } = await startHub({ yaml });
    const file = await fileWith(yaml);
    const args = ['client', 'start', '--protocol', 'pusher', '--hubs', file, '--connection-string', connectionString];
    const ann = new HubwireProcess(
      [...args, '--group', 'private-x', 'presence-y', '--user-id', 'ann'],
      {},
      { input: 'open' },
    );
    await ann.find(/subscription_succeeded","channel":"private-x"/);
    await ann.find(/subscription_succeeded","channel":"presence-y".*ann/);
    const zoe = await runHubwire(
      args,
      {},
      { input: 'event vote x\njoingroup private-x\nevent vote yes\nsendtogroup private-x hi\n' },
    );
    expect(zoe).toMatchObject({
      code: 0,
      stderr: 'an event goes to the channel that was joined last: joingroup first\n',
    });
    await ann.find(/^{"event":"client-vote",.*"data":"yes".*}$/m);
    await ann.find(/^{"event":"client-message",.*"data":"hi".*}$/m);
    ann.endInput();
    expect(await ann.exit).toMatchObject({ code: 0 });
    expect(ann.stdout + ann.stderr + zoe.stdout).not.toContain('of-our-own');
  });

  test('[MG-058] reliable: a broken connection is recovered, with what was missed', async () => {
    const { connectionString, service, dial } = await startHub();
    const port = Number(new URL(service.publicUrl).port);
    const proxy = await startProxy(port);
    const through = connectionString.replace(`:${port}`, `:${proxy.port}`);
    const args = [
      'client',
      'start',
      '--hub-name',
      'chat',
      '--protocol',
      'reliable',
      '--group',
      'g',
      '--connection-string',
      through,
    ];
    const client = new HubwireProcess(args, {}, { input: 'open' });
    await client.find(/"event":"connected"/);
    const other = await dial({ token: { roles: ['webpubsub.sendToGroup'] } });
    await other.next();
    proxy.cut('reset');
    expect(await other.ask({ type: 'sendToGroup', group: 'g', data: 'missed', ackId: 1 })).toMatchObject({
      success: true,
    });
    await client.find(/"data":"missed","sequenceId":1}\n/);
    expect(client.stderr).toBe('the connection broke; recovering\n');
    expect(proxy.accepted).toBe(2);
    client.endInput();
    expect(await client.exit).toMatchObject({ code: 0 });
  });

  test('[MG-058] ends with 1 when the service closes the connection', async () => {
    const { connectionString, service } = await startHub();
    const args = ['client', 'start', '--hub-name', 'chat', '--connection-string', connectionString];
    const client = new HubwireProcess(args, {}, { input: 'open' });
    await client.find(/"event":"connected"/);
    await service.stop();
    expect(await client.exit).toMatchObject({ code: 1 });
    expect(client.stderr).toBe('closed by the service: 1001; the log of the service has the reason\n');
  });

  test.each(['open', 'hello\n'] as const)(
    '[MG-058] simple: ends with 1 when a message has no handler, input %j',
    async input => {
      const { connectionString } = await startHub({});
      const args = ['client', 'start', '--hub-name', 'chat', '--protocol', 'simple'];
      const client = new HubwireProcess([...args, '--connection-string', connectionString], {}, { input });
      if (input === 'open') client.type('hello\n');
      expect(await client.exit).toMatchObject({ code: 1 });
      expect(client.stderr).toBe('closed by the service: 1011; the log of the service has the reason\n');
    },
  );

  test('[MG-058] what is mistyped in the client is told, and the others are performed', async () => {
    const { connectionString } = await startHub();
    const args = [
      'client',
      'start',
      '--hub-name',
      'chat',
      '--role',
      'webpubsub.joinLeaveGroup',
      '--connection-string',
      connectionString,
    ];
    const outcome = await runHubwire(args, {}, { input: 'joingrup g\nsendtogroup g\nhelp\nsendtogroup g x\n' });
    expect(outcome.code).toBe(0);
    expect(outcome.stderr).toMatch(
      /^unknown command "joingrup"; did you mean joingroup\?\nwrite it as: sendtogroup GROUP TEXT\nhelp +print this\n/,
    );
    expect(framesIn(outcome.stdout).at(-1)).toMatchObject({ ackId: 1, success: false, error: { name: 'Forbidden' } });
  });

  test('[MG-058] [MG-061] what cannot connect says why, in one line', async () => {
    const { connectionString } = await startHub();
    const hub = ['client', 'start', '--hub-name', 'chat'];
    const cases = [
      [[...hub, '--protocol', 'mqtt'], 2, /this service does not support MQTT; choose one of simple, json, reliable/],
      [[...hub, '--protocol', 'protobuff'], 2, /"protobuff" is not known; did you mean protobuf\?/],
      [['client', 'start'], 2, /--hub-name is missing/],
      [
        [...hub, '--connection-string', connectionString.replace(/AccessKey=[^;]*/, 'AccessKey=WRONG')],
        1,
        /the service refused the client: 401 .*; the key must be one of the service: set --connection-string, /,
      ],
      [
        [...hub, '--connection-string', 'Endpoint=http://127.0.0.1:1;AccessKey=WRONG'],
        1,
        /cannot reach http:\/\/127\.0\.0\.1:1: ECONNREFUSED; is the service/,
      ],
    ] as const;
    const outcomes = await Promise.all(cases.map(([args]) => runHubwire(args)));
    for (const [index, { code, stdout, stderr }] of outcomes.entries()) {
      expect([code, stdout]).toEqual([cases[index]![1], '']);
      expect(stderr).toMatch(cases[index]![2]);
      expect(stderr).toMatch(/^hubwire: .*\n$/);
      expect(stderr).not.toContain('WRONG');
    }
  });
});
