import { Type } from '@sinclair/typebox';
import { defaultDelivery } from '../../upstream/options.js';
import { record } from './fields.js';

export const defaultQueueMessages = 1_000;
export const defaultQueueBytes = 16 * 1024 * 1024;
export const defaultMembershipsPerCall = 10_000_000;
/** Without a proxy; more than any one machine or office uses, and less than the ports of one address. */
export const defaultPerAddress = 10_000;
export const defaultUnauthenticated = 4_096;

export const limits = record(
  {
    maxConnections: Type.Optional(
      Type.Integer({
        minimum: 1,
        description:
          'Maximum number of connections of the service; further clients are rejected with 429. Default: unlimited. Disconnected reliable sessions count, and are ended to admit new clients when the limit is reached.',
      }),
    ),
    connectionsPerHub: Type.Optional(
      Type.Integer({
        minimum: 1,
        description: 'Maximum number of connections of each hub, with the rules of maxConnections. Default: unlimited.',
      }),
    ),
    connectionsPerAddress: Type.Optional(
      Type.Integer({
        minimum: 1,
        description: `Maximum number of sockets of one client address (IPv6: of one /64 network). Further sockets are rejected with 429 over plain HTTP, and closed over TLS. Default: ${defaultPerAddress}, or unlimited behind a trusted proxy (HUBWIRE_TRUST_PROXY) and for loopback addresses. Behind a trusted proxy, the limit applies to the WebSockets of each client address in X-Forwarded-For.`,
      }),
    ),
    connectsPerSecond: Type.Optional(
      Type.Integer({
        minimum: 1,
        description:
          'Maximum number of clients that connect per second, which is also the largest burst; further clients are rejected with 429. Recoveries of reliable sessions do not count. Default: unlimited.',
      }),
    ),
    connectsInFlight: Type.Optional(
      Type.Integer({
        minimum: 1,
        default: defaultDelivery.connectsInFlight,
        description:
          'Maximum number of connect events in flight to one upstream (scheme, host and port). Further clients wait in order of arrival for at most 10 seconds, and are then rejected with 503.',
      }),
    ),
    unauthenticatedConnections: Type.Optional(
      Type.Integer({
        minimum: 1,
        default: defaultUnauthenticated,
        description:
          'Maximum number of sockets without an authenticated request; for each further socket, the oldest one is closed. Never more than half of the open-file limit of the process.',
      }),
    ),
    outboundQueueMessages: Type.Optional(
      Type.Integer({
        minimum: 1,
        default: defaultQueueMessages,
        description: 'Maximum number of messages queued for one client; beyond it, the connection is closed.',
      }),
    ),
    outboundQueueBytes: Type.Optional(
      Type.Integer({
        minimum: 1,
        default: defaultQueueBytes,
        description: 'Maximum number of bytes queued for one client; beyond it, the connection is closed.',
      }),
    ),
    membershipsPerCall: Type.Optional(
      Type.Integer({
        minimum: 1,
        default: defaultMembershipsPerCall,
        description:
          'Maximum number of memberships (connections × groups) that one REST call may create; a larger call is rejected with 400 and changes nothing. Each membership takes about 66 bytes.',
      }),
    ),
  },
  { description: 'Limits for one client and for the whole service.' },
);
