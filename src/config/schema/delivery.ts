import { Type } from '@sinclair/typebox';
import { defaultDelivery } from '../../upstream/options.js';
import { nullable, record } from './fields.js';

export const delivery = record(
  {
    timeoutInSeconds: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 3_600,
        default: defaultDelivery.timeoutMs / 1_000,
        description: 'Seconds until the response headers for one event arrive, including retries and waiting.',
      }),
    ),
    retryDelaysInSeconds: Type.Optional(
      nullable(
        Type.Array(Type.Number({ minimum: 0, maximum: 3_600, description: 'Seconds to wait before this retry.' }), {
          maxItems: 10,
          default: defaultDelivery.retryDelaysMs.map(ms => ms / 1_000),
          description: 'Seconds to wait before the second and later attempts. An empty list: one attempt only.',
        }),
      ),
    ),
    lenientOriginList: Type.Optional(
      Type.Boolean({
        default: defaultDelivery.lenientOriginList,
        description:
          'Accept a comma-separated list in one WebHook-Allowed-Origin header when an upstream is validated.',
      }),
    ),
    maxConcurrentPerUpstream: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 65_535,
        default: defaultDelivery.maxConcurrentPerUpstream,
        description:
          'Maximum number of concurrent requests to one upstream (scheme, host and port). Further events are queued, and rejected when the queue is full.',
      }),
    ),
    originWithPort: Type.Optional(
      Type.Boolean({
        default: defaultDelivery.originWithPort,
        description:
          'Include the port in WebHook-Request-Origin unless it is 80 or 443, for apps that compare it with an endpoint.',
      }),
    ),
    dropOnUserEventFailure: Type.Optional(
      Type.Boolean({
        default: false,
        description: 'Close the connection of a client whose user event failed, instead of responding with an error.',
      }),
    ),
  },
  { description: 'How events are delivered to all upstreams.' },
);
