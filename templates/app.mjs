// An app server for hub `chat`, written with the Azure Web PubSub SDKs: it admits clients, answers their events, and
// serves a page to try it. hubs.yaml contains this app's URL.
import { WebPubSubServiceClient } from '@azure/web-pubsub';
import { WebPubSubEventHandler } from '@azure/web-pubsub-express';
import express from 'express';

const port = 3000;
const connectionString =
  process.env.WebPubSubConnectionString ??
  // A service on this machine with the development key.
  'Endpoint=http://localhost:8080;AccessKey=ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGH;Version=1.0;';
// allowInsecureConnection lets the SDK use http://; it is not needed with https://.
const service = new WebPubSubServiceClient(connectionString, 'chat', { allowInsecureConnection: true });

const events = new WebPubSubEventHandler('chat', {
  path: '/eventhandler/',
  /** A client connects: `response.fail(401)` would refuse it. */
  handleConnect(request, response) {
    response.success({ userId: request.queries?.name?.[0] || 'guest', groups: ['lobby'] });
  },
  onConnected({ context }) {
    console.log(`${context.userId} connected`);
  },
  onDisconnected({ context }) {
    console.log(`${context.userId} disconnected`);
  },
  /** A client sent an event; the response is sent to this client only. */
  handleUserEvent({ context, data }, response) {
    console.log(`${context.userId} sent event ${context.eventName}: ${data}`);
    response.success(`the app got "${data}"`, 'text');
  },
});

const app = express();
app.use(events.getMiddleware());
app.get('/negotiate', async (_request, response) => {
  // A URL with an access token. A real app signs its users in first, and sets `userId` here.
  const { url } = await service.getClientAccessToken({ roles: ['webpubsub.sendToGroup.lobby'] });
  response.set('cache-control', 'no-store').json({ url });
});
app.get('/', (_request, response) => response.type('html').send(page));
app.listen(port, 'localhost', () => console.log(`app: http://localhost:${port}`));

// The browser needs no SDK, only its own WebSocket.
const page = `<!doctype html>
<meta charset="utf-8">
<title>chat</title>
<form><input placeholder="a message to all, or ? and a question to the app" size="60" autofocus></form>
<pre></pre>
<script type="module">
  const { url } = await (await fetch('/negotiate')).json();
  const socket = new WebSocket(url, 'json.webpubsub.azure.v1');
  const show = line => document.querySelector('pre').append(line + '\\n');
  socket.onclose = () => show('disconnected; reload to connect again');
  socket.onmessage = ({ data: frame }) => {
    const { type, event, userId, fromUserId, data } = JSON.parse(frame);
    if (event === 'connected') show('connected as ' + userId);
    if (type === 'message') show((fromUserId ?? 'app') + ': ' + data);
  };
  document.querySelector('form').onsubmit = submit => {
    submit.preventDefault();
    const input = document.querySelector('input');
    const message = { dataType: 'text', data: input.value };
    socket.send(
      JSON.stringify(
        input.value.startsWith('?')
          ? { type: 'event', event: 'question', ...message }
          : { type: 'sendToGroup', group: 'lobby', ...message },
      ),
    );
    input.value = '';
  };
</script>`;
