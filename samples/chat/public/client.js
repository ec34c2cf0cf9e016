import { WebPubSubClient, WebPubSubJsonProtocol } from '@azure/web-pubsub-client';

const [status, name, messages, form, text] = ['status', 'name', 'messages', 'form', 'text'].map(id =>
  document.getElementById(id),
);
let userId;

async function getClientAccessUrl() {
  const { url } = await (await fetch('/negotiate')).json();
  // Kept per tab: two tabs are two people, and a reload or a reconnection keeps the name.
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
  report('online', `Connected as ${userId}`);
});
client.on('disconnected', () => report('offline', 'Disconnected, connecting again …'));
client.on('stopped', connect);
client.on('group-message', ({ message: { fromUserId, data } }) => {
  // The service says who sent it; only what the app server sends comes from nobody.
  if (!fromUserId) show('notice', data);
  else show(fromUserId === userId ? 'message mine' : 'message', data, fromUserId);
});
client.on('server-message', ({ message }) => show('notice', message.data));

/** A command goes to the app server, which answers this tab alone; anything else goes straight to the room. */
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

// A connection belongs to one user for life: another name is another connection.
name.addEventListener('change', () => {
  sessionStorage.setItem('name', name.value);
  client.stop();
});

connect();
