import { onTestFinished } from 'vitest';
import { type Clock, systemClock } from '../../src/clock.js';
import { type LinkPurpose, type NatsEvent, NatsParts } from '../../src/nats/events.js';
import { Link } from '../../src/nats/link.js';
import { type NatsOptions, parseNatsUrls } from '../../src/nats/options.js';

/** Everything that links told, in order. */
export class ToldEvents {
  readonly all: NatsEvent[] = [];
  readonly parts: NatsParts;

  constructor(clock: Clock = systemClock) {
    this.parts = new NatsParts(clock, event => void this.all.push(event));
  }

  /** `connected 127.0.0.1:4222`, `lost 127.0.0.1:4222: reason`. */
  get lines(): readonly string[] {
    return this.all.map(event => {
      if (event.kind === 'warned') return `warned: ${event.text}`;
      if (event.kind === 'dropped') return `dropped ${event.subject}: ${event.reason}`;
      if (event.kind === 'unanswered') return `unanswered ${event.what}: ${event.reason}`;
      if (event.kind === 'fault') return `fault: ${event.where}: ${String(event.error)}`;
      if (event.kind === 'refused') return `refused ${event.subjects}`;
      if (event.kind === 'raised') return `raised ${event.stream} to ${event.replicas}`;
      if (event.kind === 'permitted') return event.kind;
      return `${event.kind} ${event.server}${'reason' in event ? `: ${event.reason}` : ''}`;
    });
  }
}

export function natsOptions(urls: readonly string[], more: Partial<NatsOptions> = {}): NatsOptions {
  return { servers: parseNatsUrls(urls.join(',')), clusterName: 'hw', nodeName: 'tests', ...more };
}

export interface OpenedLink {
  readonly link: Link;
  readonly told: ToldEvents;
}

/** A link that is closed with the test; not started. */
export function newLink(
  urls: readonly string[],
  { purpose = 'bus', ...more }: Partial<NatsOptions> & { purpose?: LinkPurpose } = {},
): OpenedLink {
  const told = new ToldEvents();
  const link = new Link(natsOptions(urls, more), purpose, told.parts);
  onTestFinished(() => link.close());
  return { link, told };
}
