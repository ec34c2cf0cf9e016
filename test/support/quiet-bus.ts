import { Bus } from '../../src/backplane/nats/bus.js';
import type { BusObserver, BusOptions } from '../../src/backplane/nats/bus-options.js';
import type { Hello } from '../../src/backplane/nats/envelope.js';
import { formats } from '../../src/backplane/nats/frame.js';
import type { Clock } from '../../src/clock.js';
import { EventLoopTurn } from '../../src/sockets/turn.js';

/** Tells nothing. */
export const quietObserver: BusObserver = {
  envelope() {},
  barrierPassed() {},
  partialQuery() {},
  dropped() {},
  refused() {},
  tookPart() {},
  fault() {},
};

/** The bus of node `aaaaaa`, not signed, of which nothing is told. */
export function quietBus(clock: Clock, more: Pick<BusOptions, 'goneTags'> = {}): Bus {
  return new Bus({
    ...{ root: 'hw.1', tag: 'aaaaaa', name: 'node', keepBytes: 1_000_000, goneAfterMs: 20_000, signer: undefined },
    ...{ clock, turn: new EventLoopTurn(clock), ...more },
    observer: quietObserver,
  });
}

/** What another node says of itself: by default, that it has sent nothing and is not new. */
export function helloWith(given: Partial<Hello> = {}): Hello {
  const nothing = { formerTag: undefined, replaced: undefined };
  return { name: 'other', formats, isDraining: false, isNew: false, number: 0, ...nothing, ...given };
}
