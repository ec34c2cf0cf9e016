import type { Dice } from '../dice.js';
import type { Apps } from './stage.js';

type AppUrls = Readonly<Record<keyof Apps, string>>;

export function urlsOf({ steady, guest, unwilling }: Apps): AppUrls {
  return { steady: steady.url, guest: guest.url, unwilling: unwilling.url };
}

const everything = { systemEvents: ['connect', 'connected', 'disconnected'], userEventPattern: '*' };

/** Short, so that an event that fails does so before the load has moved on. Answers come long before the time limit or never. */
const delivery = { timeoutInSeconds: 4, retryDelaysInSeconds: [0.02, 0.05] };

/** What an edit changes. */
export interface Variant {
  /** In the URL of hub `probed`: tells which version is in force. */
  readonly version: number;
  readonly editedHandlers: readonly object[];
  readonly editedKeepAlive: number;
}

export const firstVariant: Variant = { version: 0, editedHandlers: [], editedKeepAlive: 20 };

/** The content of hubs.yaml, as JSON, which is YAML too. Hubs: `steady` stays as it is, `probed` and `edited` change; `last` is that of the clients that the service stops with. The others have no handlers. */
export function hubsYaml(urls: AppUrls, { version, editedHandlers, editedKeepAlive }: Variant): string {
  const presence = { groupPresenceEvents: { eventNames: ['joined', 'left'], groupFilters: ['room-*'] } };
  const hubs = {
    steady: { eventHandlers: [{ urlTemplate: `${urls.steady}/steady/{event}`, ...everything, ...presence }] },
    probed: { eventHandlers: [{ urlTemplate: `${urls.steady}/probed/v${version}/{event}`, userEventPattern: '*' }] },
    edited: { webSocketKeepAliveIntervalInSeconds: editedKeepAlive, eventHandlers: editedHandlers },
    idle: { webSocketKeepAliveIntervalInSeconds: 5 },
    stalled: {},
    last: {
      eventHandlers: [{ urlTemplate: `${urls.steady}/last/{event}`, systemEvents: ['connected', 'disconnected'] }],
    },
    quiet: { webSocketKeepAliveIntervalInSeconds: 1 },
  };
  return `# version ${version}\n${JSON.stringify({ hubs, delivery }, null, 1)}\n`;
}

/** The next version: other handlers, in another order, with other patterns. */
export function nextVariant(urls: AppUrls, version: number, dice: Dice): Variant {
  const editedHandlers = Array.from({ length: dice.between(0, 3) }, () => ({
    urlTemplate: `${urls[dice.pick(['steady', 'guest', 'unwilling'] as const)]}/edited/${dice.between(0, 3)}/{event}`,
    systemEvents: everything.systemEvents.filter(() => dice.chance(60)),
    userEventPattern: dice.pick(['*', 'good, echo, slow', 'flaky', null]),
    groupPresenceEvents: dice.chance(30) ? { eventNames: ['joined'] } : null,
  }));
  return { version, editedHandlers, editedKeepAlive: dice.between(1, 60) };
}

/** Of a good file, one that must be refused. */
export function spoil(text: string, dice: Dice): string {
  const spoilt = [
    text.slice(0, dice.between(20, text.length - 20)), // not YAML any more
    text.replace('"hubs"', '"hbus"'),
    text.replace('"urlTemplate": "http', '"urlTemplate": "gopher'),
    text.replace(/"timeoutInSeconds": \d+/, '"timeoutInSeconds": -1'),
    text.replace('"eventHandlers": [', '"eventHandlers": [ {}, '),
    '',
  ];
  return dice.pick(spoilt);
}
