import { renameSync, writeFileSync } from 'node:fs';
import type { Dice } from '../dice.js';
import { within } from '../patience.js';
import { isRefusedEdit, isTakenEdit } from '../server/log.js';
import { firstVariant, hubsYaml, nextVariant, spoil, urlsOf, type Variant } from './hubs-yaml.js';
import { JsonClient } from './json-client.js';
import { pace } from './pace.js';
import type { Actor, Stage } from './stage.js';

const everyMs = 1_000;

/** Edits hubs.yaml every second, and asks each time which version is in force. */
export class Editor implements Actor {
  readonly name = 'editor';
  readonly #stage: Stage;
  readonly #probe: JsonClient;
  #version = 0;
  #inForce = 0;
  /** The same content again would be nothing new to the service. */
  #isSpoilt = false;
  #text: string;

  static async start(stage: Stage): Promise<Editor> {
    const probe = await JsonClient.dial(stage, { hub: 'probed', protocol: 'json.webpubsub.azure.v1' });
    if (probe === undefined) throw new Error('hub probed has no handler that could refuse, yet it did');
    return new Editor(stage, probe);
  }

  private constructor(stage: Stage, probe: JsonClient) {
    this.#stage = stage;
    this.#probe = probe;
    this.#text = hubsYaml(urlsOf(stage.apps), firstVariant);
  }

  async act(dice: Dice): Promise<void> {
    const due = pace(everyMs, this.#stage.ending);
    this.#stage.apps.unwilling.isUnwilling = dice.chance(40);
    if (!this.#isSpoilt && dice.chance(15)) await this.#refuse(dice);
    else await this.#take(nextVariant(urlsOf(this.#stage.apps), this.#version + 1, dice), dice.chance(50));
    await due;
  }

  /** Puts the first configuration back, under a new version; the probe leaves. */
  async end(): Promise<void> {
    this.#stage.apps.unwilling.isUnwilling = false;
    await this.#take({ ...firstVariant, version: this.#version + 1 }, true);
    await this.#probe.end('close');
  }

  async #take(variant: Variant, isRenamed: boolean): Promise<void> {
    const { hubwire, ledger, apps } = this.#stage;
    this.#version = variant.version;
    this.#text = hubsYaml(urlsOf(apps), variant);
    const taken = hubwire.log.next(({ msg }) => isTakenEdit(msg));
    this.#write(this.#text, isRenamed);
    await within(taken, `version ${variant.version} of hubs.yaml is in force`);
    ledger.edits.taken += 1;
    this.#inForce = variant.version;
    this.#isSpoilt = false;
    await this.#checkVersion();
  }

  async #refuse(dice: Dice): Promise<void> {
    const { hubwire, ledger } = this.#stage;
    this.#version += 1;
    const refused = hubwire.log.next(({ msg }) => isRefusedEdit(msg));
    this.#write(spoil(this.#text, dice), dice.chance(50));
    await within(refused, 'a bad hubs.yaml is refused');
    ledger.edits.refused += 1;
    this.#isSpoilt = true;
    await this.#checkVersion();
  }

  /** In place, or as editors do that never leave a half-written file. */
  #write(text: string, isRenamed: boolean): void {
    const { hubsFile } = this.#stage;
    const target = isRenamed ? `${hubsFile}.new` : hubsFile;
    writeFileSync(target, text); // at once: while this process is busy, a file must not stay empty
    if (isRenamed) renameSync(target, hubsFile);
  }

  async #checkVersion(): Promise<void> {
    const { ledger, tally } = this.#stage;
    const mark = ledger.newMark();
    const outcome = await this.#probe.raise('probe', mark);
    const path = tally.marked(mark)[0]?.path;
    const expected = `/probed/v${this.#inForce}/probe`;
    if (outcome !== 'success' || path !== expected)
      ledger.edits.astray.push(`${outcome} at ${path}, not at ${expected}`);
  }
}
