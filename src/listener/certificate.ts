import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Server } from 'node:net';
import { createSecureContext, Server as TlsServer } from 'node:tls';
import type { FastifyBaseLogger } from 'fastify';
import type { Clock } from '../clock.js';
import { PubSubError } from '../errors.js';

/** PEM files of the public listener: the certificate with its chain, and its private key. */
export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

export interface Certificate {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** Files are compared, not watched: the ways in which renewals replace them (links, mounts, renames) do not matter then. */
const comparedEveryMs = 10_000;

/** @throws PubSubError `invalid` when a file cannot be read, or the two do not fit together */
export function readCertificate({ certFile, keyFile }: CertificateFiles): Certificate {
  try {
    return checked({ cert: readFileSync(certFile), key: readFileSync(keyFile) });
  } catch (cause) {
    throw new PubSubError('invalid', unusable({ certFile, keyFile }, reasonOf(cause)), { cause });
  }
}

function unusable({ certFile, keyFile }: CertificateFiles, reason: string): string {
  return `the TLS certificate ${certFile} and key ${keyFile} cannot be used: ${reason}`;
}

/** What OpenSSL says, in plain words where people get it wrong. */
function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ERR_OSSL_PEM_NO_START_LINE') return 'one of them is not PEM, or not complete';
  if (code === 'ERR_OSSL_X509_KEY_VALUES_MISMATCH') return 'they do not belong together (key values mismatch)';
  return message;
}

/** Reports each new certificate in the files. One that cannot be used changes nothing: a renewal may be half done. */
export class CertificateWatch {
  readonly #files: CertificateFiles;
  readonly #clock: Clock;
  readonly #onChange: (certificate: Certificate) => void;
  readonly #onFailure: (reason: string) => void;
  #current: Certificate;
  /** Reported once, however often it occurs. */
  #lastFailure: string | undefined;
  #cancel: () => void = () => {};
  #isStopped = false;

  constructor(options: {
    readonly files: CertificateFiles;
    /** What is in use. */
    readonly current: Certificate;
    readonly clock: Clock;
    readonly onChange: (certificate: Certificate) => void;
    readonly onFailure: (reason: string) => void;
  }) {
    this.#files = options.files;
    this.#current = options.current;
    this.#clock = options.clock;
    this.#onChange = options.onChange;
    this.#onFailure = options.onFailure;
    this.#schedule();
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel();
  }

  #schedule(): void {
    if (this.#isStopped) return;
    this.#cancel = this.#clock.after(comparedEveryMs, () => void this.#compare().finally(() => this.#schedule()));
  }

  /** Never rejects. */
  async #compare(): Promise<void> {
    try {
      const [cert, key] = await Promise.all([readFile(this.#files.certFile), readFile(this.#files.keyFile)]);
      if (this.#isStopped) return;
      if (!cert.equals(this.#current.cert) || !key.equals(this.#current.key)) this.#take(checked({ cert, key }));
      this.#lastFailure = undefined;
    } catch (error) {
      this.#report(reasonOf(error));
    }
  }

  #take(certificate: Certificate): void {
    this.#onChange(certificate);
    this.#current = certificate;
  }

  #report(reason: string): void {
    if (reason !== this.#lastFailure) this.#onFailure(reason);
    this.#lastFailure = reason;
  }
}

/** @throws when they are no certificate and key, or not of each other */
function checked(certificate: Certificate): Certificate {
  createSecureContext(certificate);
  return certificate;
}

/** Where what becomes of a certificate is logged. */
type CertificateLog = Pick<FastifyBaseLogger, 'info' | 'error'>;

/** Follows the files of the certificate of TLS servers. Other servers are left alone. */
export function followCertificate(
  servers: readonly Server[],
  options: {
    /** Who uses it, as `public listener`. */
    readonly users: string;
    readonly files: CertificateFiles;
    readonly current: Certificate;
    readonly clock: Clock;
  },
  log: CertificateLog,
): CertificateWatch {
  return new CertificateWatch({
    ...options,
    onChange: certificate => {
      for (const server of servers) if (server instanceof TlsServer) server.setSecureContext(certificate);
      log.info('TLS certificate reloaded; new connections use it');
    },
    onFailure: reason => {
      const what = unusable(options.files, reason);
      log.error(`TLS certificate not reloaded, the previous one is kept (${options.users}): ${what}`);
    },
  });
}
