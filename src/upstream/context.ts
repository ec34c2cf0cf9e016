import type { Signer } from '../auth/signature.js';
import type { Clock } from '../clock.js';
import type { EventKind } from '../hub/facts.js';
import type { DeliveryOptions } from './options.js';
import type { EventHandler, Routes } from './routes.js';

/** What a reload changes, swapped as one reference. */
export interface UpstreamSettings {
  readonly routes: Routes;
  readonly delivery: DeliveryOptions;
  /** `WebHook-Request-Origin`: hosts of the service, joined by a comma. [upstream-events 4.4] */
  readonly origin: string;
}

/** What the events of all connections share: the settings in use, the signer and the time. */
export class EventContext {
  /** From the next event on. */
  settings: UpstreamSettings;
  readonly sign: Signer;
  readonly #clock: Clock;
  #second = -1;
  #secondText = '';

  constructor(settings: UpstreamSettings, sign: Signer, clock: Clock) {
    this.settings = settings;
    this.sign = sign;
    this.#clock = clock;
  }

  /** Looked up at each event, so that a reload counts for connections that are open. [upstream-events 5.3] */
  find(hub: string, kind: EventKind, subject: string): EventHandler | undefined {
    return this.settings.routes.find(hub, kind, subject);
  }

  /** `ce-time` of now, in whole seconds. Hot path: the text is made once a second. [upstream-events 2.2] */
  time(): string {
    const second = Math.floor(this.#clock.now() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#secondText = `${new Date(second * 1000).toISOString().slice(0, 19)}Z`;
    }
    return this.#secondText;
  }
}
