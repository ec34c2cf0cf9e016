import { onTestFinished } from 'vitest';
import { NatsBackplane, type NatsBackplaneOptions } from '../../src/backplane/nats/nats-backplane.js';
import type { Dropped } from '../../src/backplane/nats/receiver.js';
import { newTag } from '../../src/backplane/nats/tags.js';
import { systemClock } from '../../src/clock.js';
import { Link } from '../../src/nats/link.js';
import { EventLoopTurn } from '../../src/sockets/turn.js';
import type { Ending } from './ending.js';
import { eventually } from './eventually.js';
import { natsOptions, ToldEvents } from './nats-link.js';
import { TcpProxy } from './tcp-proxy.js';

/** One node's end of a bus on NATS, with all that it reported. */
export class NatsEnd {
  readonly tag: string;
  readonly backplane: NatsBackplane;
  readonly link: Link;
  readonly told = new ToldEvents();
  readonly ways = { sent: 0, received: 0, repeated: 0, dropped: 0 };
  readonly dropped: Dropped[] = [];
  /** Subjects that were refused, and before them whether the node takes no part because of that. */
  readonly refused: (readonly [isExcluded: boolean, ...subjects: string[]])[] = [];
  readonly faults: unknown[] = [];
  readonly barriersMs: number[] = [];
  partialQueries = 0;

  constructor(url: string, options: Partial<NatsBackplaneOptions> & { clusterName?: string } = {}) {
    const { clusterName = 'hw', ...more } = options;
    const clock = systemClock;
    this.tag = newTag();
    this.link = new Link(natsOptions([url], { clusterName }), 'bus', this.told.parts);
    this.backplane = new NatsBackplane({
      ...{ link: this.link, root: `${clusterName}.1`, tag: this.tag, name: 'node', clock },
      ...{ keepBytes: 16 * 1024 * 1024, goneAfterMs: 20_000, signer: undefined, settleMs: 150 },
      turn: new EventLoopTurn(clock),
      observer: {
        envelope: way => {
          this.ways[way] += 1;
        },
        dropped: what => void this.dropped.push(what),
        barrierPassed: ms => void this.barriersMs.push(ms),
        partialQuery: () => {
          this.partialQueries += 1;
        },
        refused: (_operation, subjects, isExcluded) => void this.refused.push([isExcluded, ...subjects]),
        tookPart: () => {},
        fault: (_where, error) => void this.faults.push(error),
      },
      ...more,
    });
  }
}

/** Ends that have all heard of each other. @param urls of servers, which they are spread over */
export async function startEnds(
  urls: readonly string[],
  count: number,
  options: Partial<NatsBackplaneOptions> & { clusterName?: string } = {},
): Promise<readonly NatsEnd[]> {
  const ends = Array.from({ length: count }, (_, index) => new NatsEnd(urls[index % urls.length] as string, options));
  await Promise.all(ends.map(({ backplane }) => backplane.start()));
  await eventually(() => {
    if (ends.some(({ backplane }) => backplane.countOf('present') < count - 1)) throw new Error('some are not known');
  });
  return ends;
}

/** A proxy before a server, for each node one of its own, so that one can be cut off by itself. */
export async function proxiesTo(
  ports: readonly number[],
  count: number,
  ending: Ending = onTestFinished,
): Promise<readonly TcpProxy[]> {
  const proxies = await Promise.all(
    Array.from({ length: count }, (_, index) => TcpProxy.listen(ports[index % ports.length] as number)),
  );
  ending(async () => {
    for (const proxy of proxies) proxy.close();
  });
  return proxies;
}
