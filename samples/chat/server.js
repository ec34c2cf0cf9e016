import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { WebPubSubServiceClient } from '@azure/web-pubsub';
import { WebPubSubEventHandler } from '@azure/web-pubsub-express';
import express from 'express';
import { pusherPage } from './pusher.js';

const developmentService =
  'Endpoint=http://localhost:8080;AccessKey=ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGH;Version=1.0;';
const connectionString = process.env.WebPubSubConnectionString ?? developmentService;
// The SDK rejects http:// unless it is allowed explicitly, as for a service on this machine.
const allowInsecureConnection = /(^|;)\s*endpoint=http:/i.test(connectionString);
// The URL at which this app reaches the service, if it differs from that of the browsers, as between containers.
const reverseProxyEndpoint = process.env.WebPubSubReverseProxyEndpoint || undefined;
const service = new WebPubSubServiceClient(connectionString, 'chat', { allowInsecureConnection, reverseProxyEndpoint });
const room = service.group('lobby');
// Usually there is one URL, that of a load balancer. To show a cluster, each tab is sent to another node of it.
const nodes = (process.env.WebPubSubNodes ?? '').split(',').filter(node => node !== '');
const serviceAt = node =>
  new WebPubSubServiceClient(connectionString.replace(/endpoint=[^;]*/i, `Endpoint=${node}`), 'chat', {
    allowInsecureConnection,
  });
const services = nodes.length > 1 ? nodes.map(serviceAt) : [service];
let tabs = 0;
let isStopping = false;
const here = new Map(); // connection id → name

async function announce(notice) {
  if (here.size === 0) return; // the room is empty
  await room.sendToAll(notice, { contentType: 'text/plain' }).catch(error => {
    if (!isStopping) console.error(`sample: cannot announce "${notice}": ${error.message}`);
  });
}

function answer(command) {
  if (command !== '/who') return `Unknown command ${command}. Try /who`;
  return `Here now: ${[...new Set(here.values())].sort().join(', ')}`;
}

const events = new WebPubSubEventHandler('chat', {
  path: '/eventhandler/',
  handleConnect(request, response) {
    const name = request.queries?.name?.[0]?.trim().slice(0, 40).toWellFormed() || `guest-${randomInt(1000, 10_000)}`;
    // The service keeps a connection's state and sends it with each event; unlike a header, it may contain any characters.
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

const app = express();
app.use(events.getMiddleware());
app.get('/negotiate', async (_request, response) => {
  // This role lets the client publish to the room directly. A real app signs its users in first.
  const turn = tabs++ % services.length;
  const { url } = await services[turn].getClientAccessToken({ roles: [`webpubsub.sendToGroup.${room.groupName}`] });
  response.set('cache-control', 'no-store').json({ url, node: nodes.length > 1 ? nodes[turn] : undefined });
});
app.use('/pusher', pusherPage(/endpoint=([^;]+)/i.exec(connectionString)[1]));
// `npm run build` makes the scripts in dist, which are those of public with the SDKs in them. /pusher is pusher.html.
for (const folder of ['dist', 'public']) {
  app.use(express.static(join(import.meta.dirname, folder), { extensions: ['html'] }));
}

const servers = [];
async function listen(port, host) {
  const server = createServer(app).listen(port, host);
  await once(server, 'listening');
  servers.push(server);
  return server.address().port;
}

/** Some programs resolve `localhost` to 127.0.0.1, others to ::1. Neither can be reached from other machines. */
async function listenLocally(port) {
  const bound = await listen(port, '127.0.0.1');
  await listen(bound, '::1').catch(error => {
    if (error.code !== 'EADDRINUSE') return; // this machine has no IPv6, which is fine
    servers.pop().close();
    throw error;
  });
  return bound;
}

const wantedPort = Number(process.env.SAMPLE_PORT || 3000);
// A container's port can be published only when the app listens beyond loopback.
const serve = port => (process.env.SAMPLE_HOST ? listen(port, process.env.SAMPLE_HOST) : listenLocally(port));
try {
  const port = await serve(wantedPort).catch(error => {
    if (error.code !== 'EADDRINUSE') throw error;
    return serve(0);
  });
  const isMoved = wantedPort !== 0 && port !== wantedPort;
  console.log(`sample: chat page on http://localhost:${port}${isMoved ? ` (port ${wantedPort} is taken)` : ''}`);
  console.log(`sample: Pusher page on http://localhost:${port}/pusher`);
} catch (error) {
  console.error(`sample: cannot serve the page: ${error.message}; set SAMPLE_PORT to another port`);
  process.exit(1);
}

function stop() {
  if (isStopping) return;
  isStopping = true;
  if (process.connected) process.disconnect();
  for (const server of servers) server.close();
  // Browsers keep idle connections open, and the SDK repeats requests to a service that has stopped.
  setTimeout(() => process.exit(0), 1_000).unref();
}
process.once('SIGINT', stop).once('SIGTERM', stop);
// `hubwire start --sample` starts this app with a channel, which closes however that process ends.
process.once('disconnect', stop);
