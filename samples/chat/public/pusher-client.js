import Pusher from 'pusher-js';

const [status, members, webhooks] = ['status', 'members', 'webhooks'].map(id => document.getElementById(id));

const { key, host, port, isSecure } = await (await fetch('/pusher/connection')).json();
const pusher = new Pusher(key, {
  cluster: '', // required, and not used when there is a host
  wsHost: host,
  wsPort: port,
  wssPort: port,
  forceTLS: isSecure,
  enabledTransports: ['ws', 'wss'],
  channelAuthorization: { endpoint: '/pusher/auth' },
});

function report(state, line) {
  status.className = state;
  status.textContent = line;
}

function fill(list, lines) {
  list.replaceChildren(
    ...lines.map(({ kind, line }) => {
      const item = document.createElement('li');
      item.className = kind;
      item.textContent = line;
      return item;
    }),
  );
}

pusher.connection.bind('state_change', ({ current }) => {
  if (current !== 'connected') report('offline', 'Not connected, trying again …');
});

const tabs = pusher.subscribe('presence-tabs');
tabs.bind('pusher:subscription_error', ({ error }) => report('offline', `Cannot subscribe: ${error}`));
tabs.bind('pusher:subscription_succeeded', () => report('online', `Connected as ${tabs.members.myID}`));
for (const event of ['pusher:subscription_succeeded', 'pusher:member_added', 'pusher:member_removed']) {
  tabs.bind(event, () => {
    const lines = [];
    tabs.members.each(({ id }) =>
      lines.push({ kind: 'member', line: id === tabs.members.myID ? `${id} (this tab)` : id }),
    );
    fill(members, lines);
  });
}

function describe({ isSigned, at, events }) {
  const told = events.map(({ name, channel, user_id }) => [name, channel, user_id].filter(Boolean).join(' '));
  const time = new Date(at).toLocaleTimeString();
  if (!isSigned) return { kind: 'unsigned', line: `${time} ✘ refused: the signature is not that of the app` };
  return { kind: 'signed', line: `${time} ✔ signed: ${told.join(', ')}` };
}

async function showWebhooks() {
  const response = await fetch('/pusher/webhooks').catch(() => undefined); // the sample is restarted
  if (response?.ok) fill(webhooks, (await response.json()).map(describe));
  setTimeout(showWebhooks, 1_000);
}
showWebhooks();
