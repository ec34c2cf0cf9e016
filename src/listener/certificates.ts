import type { FastifyBaseLogger } from 'fastify';
import type { Clock } from '../clock.js';
import {
  type Certificate,
  type CertificateFiles,
  type CertificateWatch,
  followCertificate,
  readCertificate,
} from './certificate.js';
import type { GuardedListener } from './guarded-listener.js';

/** The certificates of both listeners, which may be the same one. */
export class Certificates {
  /** Undefined: plain HTTP. */
  readonly ofPublic: Certificate | undefined;
  readonly ofAdmin: Certificate | undefined;
  readonly #files: { readonly tls?: CertificateFiles | undefined; readonly adminTls?: CertificateFiles | undefined };
  readonly #isShared: boolean;

  /** @throws PubSubError `invalid` when a file cannot be read, or the two of a pair do not fit together */
  constructor(files: {
    readonly tls?: CertificateFiles | undefined;
    readonly adminTls?: CertificateFiles | undefined;
  }) {
    const { tls, adminTls } = files;
    this.#files = files;
    this.#isShared = adminTls?.certFile === tls?.certFile && adminTls?.keyFile === tls?.keyFile;
    this.ofPublic = tls && readCertificate(tls);
    this.ofAdmin = this.#isShared ? this.ofPublic : adminTls && readCertificate(adminTls);
  }

  /** Follows the files from now on. */
  follow(
    publicListener: GuardedListener,
    adminListener: GuardedListener,
    clock: Clock,
    log: Pick<FastifyBaseLogger, 'info' | 'error'>,
  ): readonly CertificateWatch[] {
    const { tls, adminTls } = this.#files;
    const ofPublic = this.#isShared ? [publicListener, adminListener] : [publicListener];
    const watches = [
      tls &&
        this.ofPublic && { files: tls, current: this.ofPublic, listeners: ofPublic, users: usersOf(this.#isShared) },
      adminTls &&
        this.ofAdmin &&
        !this.#isShared && {
          files: adminTls,
          current: this.ofAdmin,
          listeners: [adminListener],
          users: 'admin listener',
        },
    ];
    return watches
      .filter(watch => typeof watch === 'object')
      .map(({ files, current, listeners, users }) =>
        followCertificate(
          listeners.map(({ app }) => app.server),
          { users, files, current, clock },
          log,
        ),
      );
  }
}

function usersOf(isShared: boolean): string {
  return isShared ? 'public and admin listener' : 'public listener';
}
