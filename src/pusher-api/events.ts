import type { FastifyInstance } from 'fastify';
import type { AppChannels, OccupiedChannel } from './apps.js';
import { countsOf } from './attributes.js';
import { type AppPath, callOf } from './call.js';
import { parseBatch, parseEvent, type Trigger } from './event-parsing.js';
import { operation } from './operation.js';
import type { MessageQuotas } from './quotas.js';
import type { Rates } from './rates.js';

const trigger = operation('PusherApi_Trigger', 'Publish an event to channels.');
const triggerBatch = operation('PusherApi_TriggerBatch', 'Publish several events.');

/** What `info` requests is counted before anything is published: with an error, nothing was. [pusher-webhooks 4.2] */
export function addEvents(app: FastifyInstance, rates: Rates, quotas: MessageQuotas): void {
  app.post<AppPath>('/:app/events', trigger, (request, reply) => {
    const { appId, limits, channels, parameters, body } = callOf(request);
    const event = parseEvent(body, parameters, limits);
    quotas.check(appId, limits.maxMessagesPerDay);
    rates.use(appId, event.channels.length, limits.maxBackendEventsPerSecond);
    if (event.attributes.size === 0) {
      publish(channels, event);
      reply.send({});
      return;
    }
    return countedChannels(channels, [event]).then(counted => {
      publish(channels, event);
      return { channels: infoOf(event, counted) };
    });
  });

  app.post<AppPath>('/:app/batch_events', triggerBatch, async request => {
    const { appId, limits, channels, body } = callOf(request);
    const events = parseBatch(body, limits);
    quotas.check(appId, limits.maxMessagesPerDay);
    rates.use(appId, events.length, limits.maxBackendEventsPerSecond);
    const informed = events.filter(({ attributes }) => attributes.size > 0);
    const counted = informed.length === 0 ? undefined : await countedChannels(channels, informed);
    for (const event of events) publish(channels, event);
    if (counted === undefined) return {};
    return { batch: events.map(event => Object.values(infoOf(event, counted))[0] ?? {}) };
  });
}

function publish(channels: AppChannels, { name, channels: names, data, exceptSocketId }: Trigger): void {
  for (const channel of names) channels.publish({ channel, name, data, exceptSocketId });
}

type Counted = ReadonlyMap<string, OccupiedChannel>;

async function countedChannels(channels: AppChannels, events: readonly Trigger[]): Promise<Counted> {
  const names = [...new Set(events.flatMap(event => event.channels))];
  const withUsers = events.some(({ attributes }) => attributes.has('user_count'));
  const occupied = await channels.named(names, withUsers);
  return new Map(occupied.map(channel => [channel.name, channel]));
}

function infoOf({ channels, attributes }: Trigger, counted: Counted): Record<string, object> {
  return Object.fromEntries(channels.map(name => [name, countsOf(name, counted.get(name), attributes)]));
}
