import { readFileSync } from 'node:fs';

const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  readonly version: string;
  readonly homepage?: string;
};

/** Of this package. */
export const { version } = manifest;

/** URL of its documentation, once it has one. */
export const documentation: string | undefined = manifest.homepage;
