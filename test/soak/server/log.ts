/** One line of the service's log. [pino] */
export interface LogLine {
  /** Its name. */
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

const errorLevels: readonly string[] = ['error', 'fatal'];

/** What a bad hubs.yaml is answered with; the one error that a soak brings about on purpose. */
const refusedEdit = 'the previous configuration is kept';

/** Enough to find out what went wrong. */
const maxKept = 20;

/** Reads the log as it is written, keeps what should not be there, and tells those who wait for a line. */
export class ServerLog {
  /** Lines at level error or above, a refused edit aside; the first ones. */
  readonly faults: string[] = [];
  faultCount = 0;
  refusedEdits = 0;
  #rest = '';
  #waiting: { readonly isIt: (line: LogLine) => boolean; readonly tell: (line: LogLine) => void }[] = [];
  #others: ((text: string) => void)[] = [];

  /** Bytes as they come, as text. */
  write(chunk: string): void {
    const lines = (this.#rest + chunk).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#read(line);
  }

  /** The next line, from now on, that is it. */
  next(isIt: (line: LogLine) => boolean): Promise<LogLine> {
    return new Promise(tell => this.#waiting.push({ isIt, tell }));
  }

  /** Told of lines that the service did not log: those of Node itself. */
  onOther(listener: (text: string) => void): void {
    this.#others.push(listener);
  }

  #read(text: string): void {
    if (!text.startsWith('{')) {
      for (const tell of this.#others) tell(text);
      return;
    }
    const line = JSON.parse(text) as LogLine;
    if (errorLevels.includes(line.level)) this.#keep(line, text);
    const due = this.#waiting.filter(({ isIt }) => isIt(line));
    this.#waiting = this.#waiting.filter(waiting => !due.includes(waiting));
    for (const { tell } of due) tell(line);
  }

  #keep({ level, msg }: LogLine, text: string): void {
    if (level === 'error' && isRefusedEdit(msg)) {
      this.refusedEdits += 1;
      return;
    }
    this.faultCount += 1;
    if (this.faults.length < maxKept) this.faults.push(text);
  }
}

export function isRefusedEdit(msg: string): boolean {
  return msg.includes(`${refusedEdit}:`);
}

export function isTakenEdit(msg: string): boolean {
  return msg.startsWith('the new configuration is applied');
}
