/** Hubs without configuration that get a label of their own. */
const maxUnconfiguredHubs = 1000;

/** The label that the rest of them share. */
export const otherHubs = 'other';

/**
 * Hub name → metric label. Clients choose hub names, and a hub is created for its first connection, so the number
 * of labels is bounded; a hub in use keeps its label, so that a gauge goes down where it went up.
 */
export class HubLabels {
  readonly #isConfigured: (hub: string) => boolean;
  readonly #unconfigured = new Set<string>();
  /** Open connections of the hubs that share a label, which they keep while they have any. */
  readonly #sharing = new Map<string, number>();

  /** @param isConfigured may change its answers: hubs.yaml can be reloaded */
  constructor(isConfigured: (hub: string) => boolean) {
    this.#isConfigured = isConfigured;
  }

  of(hub: string): string {
    if (this.#unconfigured.has(hub)) return hub;
    if (this.#sharing.has(hub)) return otherHubs;
    if (this.#isConfigured(hub)) return hub;
    if (this.#unconfigured.size >= maxUnconfiguredHubs) return otherHubs;
    this.#unconfigured.add(hub);
    return hub;
  }

  opened(hub: string): string {
    const label = this.of(hub);
    if (label !== hub) this.#sharing.set(hub, (this.#sharing.get(hub) ?? 0) + 1);
    return label;
  }

  closed(hub: string): string {
    const label = this.of(hub);
    const open = this.#sharing.get(hub);
    if (open === 1) this.#sharing.delete(hub);
    else if (open !== undefined) this.#sharing.set(hub, open - 1);
    return label;
  }
}
