import { Type } from '@sinclair/typebox';
import { oneOf, optional, record, textOrNumber } from './fields.js';

/** An election of JetStream takes up to 9 s, during which no lease can be renewed. [cluster 6.3] */
export const defaultLeaseSeconds = 20;
export const defaultKeepBytes = 16 * 1024 * 1024;
export const isolationPolicies = ['pause', 'serve'] as const;
export const replicaCounts = ['auto', '1', '3', '5'] as const;

export const cluster = record(
  {
    leaseSeconds: optional(
      Type.Integer({
        minimum: 3,
        maximum: 3_600,
        default: defaultLeaseSeconds,
        description:
          "Seconds after the last renewal of a node's lease until another node takes over: it posts the node's disconnected events and removes its connections.",
      }),
    ),
    onIsolation: optional(
      oneOf(isolationPolicies, {
        default: 'pause',
        description:
          'What a node does when it is cut off from NATS for most of leaseSeconds. pause: the requests of its clients wait. serve: it goes on for its own clients; event handlers may get events of a connection after its disconnected event.',
      }),
    ),
    keepBytes: optional(
      Type.Integer({
        minimum: 64 * 1024,
        default: defaultKeepBytes,
        description:
          'Bytes of messages for other nodes that a node keeps while NATS is away; beyond them further ones are refused.',
      }),
    ),
    sign: optional(
      Type.Boolean({
        default: false,
        description: 'Sign the messages between nodes with a key derived from the primary key, and drop all others.',
      }),
    ),
    replicas: optional(
      Type.Unsafe<(typeof replicaCounts)[number]>({
        type: 'string',
        enum: [...replicaCounts],
        format: textOrNumber,
        default: 'auto',
        description:
          'Number of NATS servers that keep what nodes share: 1, 3 or 5. auto: 3 where three servers have JetStream, otherwise 1, raised to 3 once they have. A number takes effect when the streams are created.',
      }),
    ),
  },
  { description: 'Several nodes on NATS. A change takes effect when the node is restarted.' },
);
