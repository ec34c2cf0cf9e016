import type { FastifyInstance } from 'fastify';
import { isPresenceChannel } from '../protocols/pusher/names.js';
import type { AppChannels } from './apps.js';
import { type Attributes, attributesOf, checkApplicable, counts, countsOf, everyAttribute } from './attributes.js';
import { type AppPath, callOf } from './call.js';
import { channelOf } from './event-parsing.js';
import { invalid } from './failures.js';
import { operation } from './operation.js';
import type { Rates } from './rates.js';
import type { SignedParameters } from './request-signature.js';
import { inTurns } from './turns.js';

const listChannels = operation('PusherApi_ListChannels', 'List the channels that have subscribers.');
const getChannel = operation('PusherApi_GetChannel', 'Get the state of a channel.');
const listUsers = operation('PusherApi_ListUsers', 'List the members of a presence channel.');

/** What the app's channels are like now, on all nodes. [pusher-webhooks 4.2] */
export function addChannels(app: FastifyInstance, rates: Rates): void {
  app.get<AppPath>('/:app/channels', listChannels, async (request, reply) => {
    const { appId, limits, channels, parameters } = callOf(request);
    rates.use(appId, 1, limits.maxReadRequestsPerSecond);
    const text = await listed(channels, parameters);
    return reply.type('application/json; charset=utf-8').send(text);
  });

  app.get<AppPath<'channel'>>('/:app/channels/:channel', getChannel, async request => {
    const { appId, limits, channels, parameters } = callOf(request);
    rates.use(appId, 1, limits.maxReadRequestsPerSecond);
    const name = channelOf(request.params.channel, limits);
    const attributes = attributesOf(parameters.list('info'), everyAttribute);
    checkApplicable(attributes, name);
    return stateOf(channels, name, attributes);
  });

  app.get<AppPath<'channel'>>('/:app/channels/:channel/users', listUsers, async request => {
    const { appId, limits, channels } = callOf(request);
    rates.use(appId, 1, limits.maxReadRequestsPerSecond);
    const name = channelOf(request.params.channel, limits);
    if (!isPresenceChannel(name)) throw invalid('Only presence channels have users; their names begin with presence-.');
    const [occupied] = await channels.named([name], true);
    return { users: (occupied?.userIds ?? []).map(id => ({ id })) };
  });
}

/** As JSON. */
async function listed(channels: AppChannels, parameters: SignedParameters): Promise<string> {
  const prefix = parameters.get('filter_by_prefix') ?? '';
  const attributes = attributesOf(parameters.list('info'), counts);
  const withUsers = attributes.has('user_count');
  if (withUsers && !isPresenceChannel(prefix)) {
    throw invalid('user_count needs a filter_by_prefix that begins with presence-: other channels have no users.');
  }
  const occupied = await channels.occupied(prefix, withUsers);
  const fields: string[] = [];
  await inTurns(occupied, channel => {
    const counts = countsOf(channel.name, channel, attributes);
    fields.push(`${JSON.stringify(channel.name)}:${JSON.stringify(counts)}`);
  });
  return `{"channels":{${fields.join(',')}}}`;
}

async function stateOf(channels: AppChannels, name: string, attributes: Attributes): Promise<object> {
  const [occupied] = await channels.named([name], attributes.has('user_count'));
  const state = { occupied: occupied !== undefined, ...countsOf(name, occupied, attributes) };
  if (!attributes.has('cache')) return state;
  const cached = await channels.cached(name);
  return { ...state, cache: cached === undefined ? null : { data: cached.data, ttl: cached.ttlSeconds } };
}
