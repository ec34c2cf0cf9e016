import { WebPubSubClient, WebPubSubJsonProtocol } from '@azure/web-pubsub-client';

const [status, name, messages, form, text] = ['status', 'name', 'messages', 'form', 'text'].map(id =>
  document.getElementById(id),
);
let userId;
let node;

async function getClientAccessUrl() {
  const { url, node: named } = await (await fetch('/negotiate')).json();
  node = named;
  // Stored per tab, so that two tabs are two people, and a reload or a reconnection keeps the name.
  return `${url}&name=${encodeURIComponent(sessionStorage.getItem('name') ?? '')}`;
}

const client = new WebPubSubClient({ getClientAccessUrl }, { protocol: WebPubSubJsonProtocol() });
const connect = () => client.start().catch(() => report('offline', 'Cannot connect. Reload to try again.'));

function report(state, line) {
  status.className = state;
  status.textContent = line;
}

function show(kind, line, from = '') {
  const item = messages.appendChild(document.createElement('li'));
  item.className = kind;
  if (from) item.appendChild(document.createElement('b')).textContent = from;
  item.appendChild(document.createElement('span')).textContent = line;
  item.scrollIntoView({ block: 'end' });
}

client.on('connected', event => {
  userId = event.userId;
  name.value = userId;
  sessionStorage.setItem('name', userId);
  report('online', node === undefined ? `Connected as ${userId}` : `Connected as ${userId} to ${node}`);
});
client.on('disconnected', () => report('offline', 'Disconnected, connecting again …'));
client.on('stopped', connect);
client.on('group-message', ({ message: { fromUserId, data } }) => {
  // The service adds the sender's user id; messages of the app server have none.
  if (!fromUserId) show('notice', data);
  else show(fromUserId === userId ? 'message mine' : 'message', data, fromUserId);
});
client.on('server-message', ({ message }) => show('notice', message.data));

/** Commands are sent to the app server, which answers this tab only; anything else is published to the room. */
function send(line) {
  return line.startsWith('/') ? client.sendEvent('command', line, 'text') : client.sendToGroup('lobby', line, 'text');
}

form.addEventListener('submit', async event => {
  event.preventDefault();
  const line = text.value.trim();
  if (!line) return;
  text.value = '';
  await send(line).catch(error => show('notice', `Not sent: ${error.message}`));
});

// The user of a connection cannot change: another name needs a new connection.
name.addEventListener('change', () => {
  sessionStorage.setItem('name', name.value);
  client.stop();
});

connect();
