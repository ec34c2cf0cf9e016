import type { Dice } from '../dice.js';
import { JsonClient } from './json-client.js';
import { pace } from './pace.js';
import type { Actor, Stage } from './stage.js';

/** In order, again and again; the last one sets the clock right. */
const stepsSeconds = [90, 120, -3_600, 3_390] as const;

const gapMs = { least: 5_000, most: 8_000 };

/** What the service may take to answer, and clocks of two processes may differ by. */
const toleranceMs = 5_000;

const probe = { hub: 'idle', protocol: 'json.webpubsub.azure.v1' } as const;

/** Steps the service's wall clock, and then uses tokens that were signed before. */
export class ClockStepper implements Actor {
  readonly name = 'clock stepper';
  readonly #stage: Stage;
  #steps = 0;
  #offsetMs = 0;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  async act(dice: Dice): Promise<void> {
    const { ending, hubwire, ledger, tokens } = this.#stage;
    await pace(dice.between(gapMs.least, gapMs.most), ending);
    if (ending.aborted) return;
    const query = tokens.clientUrl(probe.hub, {}).search.slice(1);
    const restToken = tokens.restToken('/api/hubs/idle/:send');
    const stepSeconds = stepsSeconds[this.#steps % stepsSeconds.length] as number;
    this.#steps += 1;
    this.#offsetMs += stepSeconds * 1000;
    const serviceMs = await hubwire.stepClock(stepSeconds * 1000);
    const isTaken = Math.abs(serviceMs - Date.now() - this.#offsetMs) < toleranceMs;
    ledger.clock.steps.push({ stepSeconds, isTaken });
    await this.#useTokens(query, restToken, `after ${stepSeconds} s`);
  }

  async #useTokens(query: string, token: string, when: string): Promise<void> {
    const { ledger, rest } = this.#stage;
    const client = await JsonClient.dial(this.#stage, { ...probe, query });
    if (client === undefined) ledger.clock.refusedTokens.push(`a client's ${when}`);
    else await client.end('close');
    const send = { operation: 'sendAfterStep', method: 'POST', path: '/idle/:send', text: 'step', token } as const;
    const status = await rest.call({ ...send, expected: [202, 401] });
    if (status !== 202) ledger.clock.refusedTokens.push(`a REST caller's ${when}`);
  }
}
