import { expect, onTestFinished, test } from 'vitest';
import { Keys } from '../../src/auth/keys.js';
import { signer } from '../../src/auth/signature.js';
import { AppServer } from '../support/app-server.js';
import { startHandlers, textOf } from '../support/handlers.js';

test('[UE-110] after a change of keys, the events of connections that are open are signed with the new ones', async () => {
  const app = await AppServer.start();
  onTestFinished(() => app.close());
  const keys = new Keys({ primary: 'a', secondary: 'b' });
  const { open } = await startHandlers({ chat: app.url }, {}, { sign: signer(keys) });
  const events = open('c1');

  await events.event('e', textOf('before'));
  keys.change({ primary: 'c', secondary: 'b' });
  await events.event('e', textOf('after'));

  expect(app.posts.map(({ headers }) => headers['ce-signature'])).toEqual([
    signer({ primary: 'a', secondary: 'b' })('c1'),
    signer({ primary: 'c', secondary: 'b' })('c1'),
  ]);
});
