import type { AppServer } from '../app/app-server.js';
import type { Tally } from '../app/tally.js';
import { Dice } from '../dice.js';
import type { Hubwire } from '../server/hubwire.js';
import type { KnownClients } from './known-clients.js';
import type { Ledger } from './ledger.js';
import type { RestClient } from './rest-client.js';
import type { Tokens } from './tokens.js';

/** What the parts of the load share. */
export interface Stage {
  readonly seed: number;
  readonly hubwire: Hubwire;
  readonly hubsFile: string;
  readonly apps: Apps;
  readonly tokens: Tokens;
  readonly rest: RestClient;
  readonly tally: Tally;
  readonly ledger: Ledger;
  readonly knownClients: KnownClients;
  /** Aborted when the load is to end: what is under way is finished, nothing is begun. */
  readonly ending: AbortSignal;
}

export interface Apps {
  /** Of hubs whose handlers stay. */
  readonly steady: AppServer;
  /** Comes and goes as a handler of hub `edited`. */
  readonly guest: AppServer;
  /** The same, and refuses validation now and then. */
  readonly unwilling: AppServer;
}

/** A part of the load: does one thing, again and again. Its name makes its row of throws. */
export interface Actor {
  readonly name: string;
  /** One round. A throw is a complaint, and the next round follows. */
  act(dice: Dice): Promise<void>;
}

/** Runs until the load ends. */
export async function run({ seed, ending, ledger }: Stage, actor: Actor): Promise<void> {
  const dice = new Dice(seed, actor.name);
  while (!ending.aborted) {
    await actor.act(dice).catch((error: unknown) => ledger.complain(`${actor.name}: ${(error as Error).message}`));
  }
}

/** Groups that are joined, left, sent to and closed. The app server of hub `steady` is told who comes and goes. */
export const rooms = ['room-0', 'room-1', 'room-2', 'room-3', 'room-4', 'room-5'] as const;
