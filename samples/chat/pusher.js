import express from 'express';
import Pusher from 'pusher';

// Those of hubs.yaml, where the app `app` is for development.
const { PUSHER_APP_ID = 'app', PUSHER_APP_KEY = 'app-key', PUSHER_APP_SECRET = 'app-secret' } = process.env;
const webhooksShown = 50;

/** What the page /pusher needs of its app server. @param endpoint of the service, as browsers reach it */
export function pusherPage(endpoint) {
  const { protocol, hostname: host, port: given } = new URL(endpoint);
  const isSecure = protocol === 'https:';
  const port = Number(given) || (isSecure ? 443 : 80);
  const [appId, key, secret] = [PUSHER_APP_ID, PUSHER_APP_KEY, PUSHER_APP_SECRET];
  const pusher = new Pusher({ appId, key, secret, host, port, useTLS: isSecure });
  const webhooks = []; // the newest first
  const routes = express.Router();

  routes.get('/connection', (_request, response) => response.json({ key, host, port, isSecure }));

  // pusher-js calls this before it subscribes. A real app knows who its user is; here, each tab is one.
  routes.post('/auth', express.urlencoded(), (request, response) => {
    const { socket_id, channel_name } = request.body ?? {};
    if (channel_name !== 'presence-tabs') return response.sendStatus(403);
    response.json(pusher.authorizeChannel(socket_id, channel_name, { user_id: socket_id }));
  });

  routes.post('/webhooks', express.text({ type: '*/*' }), (request, response) => {
    const webhook = pusher.webhook({ headers: request.headers, rawBody: request.body });
    const isSigned = webhook.isValid();
    webhooks.unshift({ isSigned, at: new Date(), events: isSigned ? webhook.getEvents() : [] });
    webhooks.length = Math.min(webhooks.length, webhooksShown);
    response.sendStatus(isSigned ? 200 : 401);
  });

  routes.get('/webhooks', (_request, response) => response.set('cache-control', 'no-store').json(webhooks));
  return routes;
}
