import { onTestFinished } from 'vitest';
import { signer } from '../../src/auth/signature.js';
import type { Payload } from '../../src/protocols/messages.js';
import type { HandledEvents } from '../../src/upstream/connection-events.js';
import { EventHandlers, type EventHandlersOptions } from '../../src/upstream/event-handlers.js';
import { type DeliveryOptions, defaultDelivery, type EventHandlerOptions } from '../../src/upstream/options.js';
import { ManualClock } from './manual-clock.js';
import { RecordingObserver } from './recording-observer.js';

export interface StartedHandlers {
  readonly handlers: EventHandlers;
  readonly clock: ManualClock;
  readonly observer: RecordingObserver;
  configure(delivery: Partial<DeliveryOptions>): Promise<void>;
  /** A new connection of the hub. */
  open(connectionId?: string, hub?: string): HandledEvents;
}

/** Event handlers of hubs, without any hub: what is raised is sent for real, and time stands still. Ends with the test. */
export async function startHandlers(
  urls: Readonly<Record<string, string>>,
  delivery: Partial<DeliveryOptions> = {},
  options: Partial<EventHandlersOptions> = {},
): Promise<StartedHandlers> {
  const clock = new ManualClock();
  const observer = new RecordingObserver();
  const handlers = new EventHandlers({
    origins: ['pubsub.test'],
    originsWithPort: ['pubsub.test:8080'],
    ports: [8080],
    sign: signer({ primary: 'k', secondary: undefined }),
    tokens: { token: async () => 'token' },
    clock,
    observer,
    ...options,
  });
  const hubs = Object.entries(urls).map(([hub, urlTemplate]) => ({ hub, eventHandlers: [handlerAt(urlTemplate)] }));
  const configure = (changed: Partial<DeliveryOptions>) => handlers.configure(hubs, { ...defaultDelivery, ...changed });
  onTestFinished(() => handlers.close());
  await configure(delivery);
  return {
    handlers,
    clock,
    observer,
    configure,
    open: (connectionId = 'c1', hub = Object.keys(urls)[0]!) => handlers.open(hub, connectionId),
  };
}

function handlerAt(urlTemplate: string): EventHandlerOptions {
  const systemEvents = ['connect', 'connected', 'disconnected'] as const;
  return { urlTemplate, systemEvents, userEventPattern: '*', auth: { type: 'None' } };
}

/** Of a user event. */
export function textOf(text: string): Payload {
  return { dataType: 'text', bytes: Buffer.from(text), metadata: undefined };
}
