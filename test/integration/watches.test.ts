import type { ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import { Mailbox } from '../support/mailbox.js';
import { startHub } from '../support/start-hub.js';

test('a watch of a running service shows frames both ways, attempts and facts of a client, and of no other hub', async () => {
  const { service, dial, upstream } = await startHub({
    handler: { systemEvents: ['connected', 'disconnected'], userEventPattern: '*' },
  });
  upstream.on('vote', (_request, response: ServerResponse) => {
    response.writeHead(200, { 'Content-Type': 'text/plain' }).end('counted');
  });
  const seen: string[] = [];
  const told = new Mailbox<string>();
  const see = (line: string) => {
    seen.push(line);
    told.put(line);
  };
  const whenSeen = (wanted: string) => told.take(line => line === wanted);
  const end = service.watches.watch(
    { hub: 'chat' },
    {
      fact: fact => see(fact.kind === 'evented' ? `evented ${fact.name} ${fact.outcome}` : fact.kind),
      frames: fact => {
        if (fact.kind === 'received') see(`> ${fact.frame.bytes}`);
        else for (const { bytes } of fact.frames.each()) see(`< ${bytes}`);
      },
      attempted: ({ name, attempt, answer: got }) =>
        see(`attempt ${attempt} of ${name}: ${got.kind === 'response' ? `${got.status} ${got.body}` : got.failure}`),
    },
  );
  const client = await dial();
  const elsewhere = await dial({ hub: 'news' });
  const vote = { type: 'event', event: 'vote', dataType: 'text', data: 'yes' };
  await whenSeen('evented connected success');
  client.send(vote);
  await client.next(); // connected
  await client.next(); // counted
  await client.close();
  await whenSeen('evented disconnected success');
  end();
  await elsewhere.close();
  expect(seen.map(line => line.replace(/"connectionId":"[^"]+"/, '"connectionId":"…"'))).toEqual([
    ...['identified', 'opened'],
    '< {"type":"system","event":"connected","userId":null,"connectionId":"…"}',
    ...['attempt 1 of connected: 204 ', 'evented connected success'],
    `> ${JSON.stringify(vote)}`,
    ...['attempt 1 of vote: 200 counted', 'evented vote success'],
    '< {"type":"message","from":"server","dataType":"text","data":"counted"}',
    ...['ended', 'closed', 'attempt 1 of disconnected: 204 ', 'evented disconnected success'],
  ]);
});
