/** Checks what clients get: each message at most once, and those of one sender through one node in the order in which they were sent. */
export class Order {
  /** Of each connection and sender, the last number. */
  readonly #last = new Map<string, number>();
  readonly violations: string[] = [];
  messages = 0;

  /** @param text `sender number` */
  received(connectionId: string, text: string): void {
    const [sender = '', number = ''] = text.split(' ');
    const key = `${connectionId} ${sender}`;
    const last = this.#last.get(key) ?? -1;
    this.messages += 1;
    if (Number(number) <= last) this.violations.push(`${sender}: ${number} after ${last}`);
    else this.#last.set(key, Number(number));
  }
}
