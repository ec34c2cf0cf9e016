import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { WebPubSubServiceClient } from '@azure/web-pubsub';
import { WebPubSubEventHandler } from '@azure/web-pubsub-express';
import { build } from 'esbuild';
import express from 'express';

const developmentService =
  'Endpoint=http://localhost:8080;AccessKey=ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGH;Version=1.0;';
const connectionString = process.env.WebPubSubConnectionString ?? developmentService;
// The SDK refuses http unless told that it is meant, as for a service on this machine.
const allowInsecureConnection = /(^|;)\s*endpoint=http:/i.test(connectionString);
const service = new WebPubSubServiceClient(connectionString, 'chat', { allowInsecureConnection });
const room = service.group('lobby');
const here = new Map(); // connection id → name

async function announce(notice) {
  await room
    .sendToAll(notice, { contentType: 'text/plain' })
    .catch(error => console.error(`sample: could not announce: ${error.message}`));
}

function answer(command) {
  if (command !== '/who') return `Unknown command ${command}. Try /who`;
  return `Here now: ${[...new Set(here.values())].sort().join(', ')}`;
}

const events = new WebPubSubEventHandler('chat', {
  path: '/eventhandler/',
  handleConnect(request, response) {
    const name = request.queries?.name?.[0]?.trim().slice(0, 40).toWellFormed() || `guest-${randomInt(1000, 10_000)}`;
    // The service keeps a connection's state and sends it with each event; unlike a header, it holds any alphabet.
    response.setState('name', name);
    response.success({ userId: name, groups: [room.groupName] });
  },
  onConnected({ context }) {
    here.set(context.connectionId, context.states.name);
    announce(`${context.states.name} joined`);
  },
  onDisconnected({ context }) {
    here.delete(context.connectionId);
    announce(`${context.states.name} left`);
  },
  handleUserEvent: ({ data }, response) => response.success(answer(String(data).trim()), 'text'),
});

const pages = join(import.meta.dirname, 'public');
const bundle = await build({ entryPoints: [join(pages, 'client.js')], bundle: true, format: 'esm', write: false });

const app = express();
app.use(events.getMiddleware());
app.get('/negotiate', async (_request, response) => {
  // What this client may do without asking us: publish to the room. A real app signs its users in first.
  const { url } = await service.getClientAccessToken({ roles: [`webpubsub.sendToGroup.${room.groupName}`] });
  response.set('cache-control', 'no-store').json({ url });
});
app.get('/client.js', (_request, response) => response.type('js').send(bundle.outputFiles[0].text));
app.use(express.static(pages));

const servers = [];
async function listen(port, host) {
  const server = createServer(app).listen(port, host);
  await once(server, 'listening');
  servers.push(server);
  return server.address().port;
}

try {
  // `localhost` is 127.0.0.1 to some programs and ::1 to others. Neither can be reached from outside.
  const port = await listen(Number(process.env.PORT ?? 3000), '127.0.0.1');
  await listen(port, '::1').catch(error => {
    if (error.code === 'EADDRINUSE') throw error; // any other failure: this machine has no IPv6, and needs none
  });
  console.log(`sample: chat page on http://localhost:${port}`);
} catch (error) {
  console.error(`sample: cannot serve the page (${error.message}); PORT names another port`);
  process.exit(1);
}

function stop() {
  for (const server of servers) {
    server.close();
    // A browser may hold a connection on which it has asked nothing yet.
    setTimeout(() => server.closeAllConnections(), 1_000).unref();
  }
}
process.once('SIGINT', stop).once('SIGTERM', stop);
