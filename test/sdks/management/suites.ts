import { folder, installPython, pinned, type Suite } from '../suites.js';

/** Of the vendor's management API. Its JavaScript client is tested in test/conformance/management-sdk.test.ts. */
export const managementSuites: readonly Suite[] = [
  {
    language: 'python-management',
    column: 'Python',
    packages: [pinned('azure-mgmt-webpubsub', 'management/python/requirements.txt', 'azure-mgmt-webpubsub==')],
    needs:
      '`base_url`, `credential_scopes`, and `connection_verify` for a private CA; `enforce_https=False` on each call over `http://`',
    covers: () => true,
    async prepare() {
      const python = await installPython('management/python', 'python-management');
      return { file: python, args: ['-B', 'main.py'], cwd: folder('management/python') };
    },
  },
];
