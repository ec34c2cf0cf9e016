// A poll with live results: clients vote with an event, the app counts, and all clients receive the new result.
import { WebPubSubServiceClient } from '@azure/web-pubsub';
import { WebPubSubEventHandler } from '@azure/web-pubsub-express';
import express from 'express';

const hub = 'poll';
const choices = ['tea', 'coffee'];
const connectionString =
  process.env.WebPubSubConnectionString ??
  'Endpoint=http://localhost:8080;AccessKey=ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGH;Version=1.0;';
const service = new WebPubSubServiceClient(connectionString, hub, { allowInsecureConnection: true });

/** User id → choice. */
const votes = new Map();

function result() {
  return Object.fromEntries(
    choices.map(choice => [choice, [...votes.values()].filter(vote => vote === choice).length]),
  );
}

const events = new WebPubSubEventHandler(hub, {
  path: '/eventhandler/',
  /** Called before a client is connected: `response.fail(401)` refuses it. */
  handleConnect({ context }, response) {
    if (context.userId) response.success();
    else response.fail(401, 'Sign in first.');
  },
  /** The answer goes to the client that voted. */
  async handleUserEvent({ context, data }, response) {
    if (!choices.includes(data)) return response.fail(400, `Choose one of ${choices.join(', ')}.`);
    votes.set(context.userId, data);
    await service.sendToAll({ result: result() }); // an object is sent as JSON
    response.success(`You chose ${data}.`, 'text');
  },
  onDisconnected({ context, reason }) {
    console.log(`${context.userId} left: ${reason || 'closed'}`);
  },
});

const app = express();
app.use(events.getMiddleware());
/** A real app takes the user from its session, never from the query. */
app.get('/negotiate', async (request, response) => {
  const { url } = await service.getClientAccessToken({ userId: String(request.query.user) });
  response.set('cache-control', 'no-store').json({ url });
});
app.get('/result', (_request, response) => response.json(result()));
const server = app.listen(Number(process.env.POLL_PORT ?? 3000), 'localhost', () => {
  console.log(`poll: http://localhost:${server.address().port}`);
});
