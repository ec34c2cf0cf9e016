import { describe, expect, test } from 'vitest';
import { connectionStringFindings } from '../../../src/doctor/key-findings.js';
import { inShort } from '../../support/doctor.js';

const keys = { primary: 'cHJpbWFyeS1rZXktb2YtdGhlc2UtdGVzdHMtMDEyMw==', secondary: undefined };
const decoded = 'primary-key-of-these-tests-0123';

function found(text: string) {
  return connectionStringFindings({ WebPubSubConnectionString: text }, keys);
}

describe('WebPubSubConnectionString', () => {
  test('as it should be, and none', () => {
    expect(found(`Endpoint=http://localhost:8080;AccessKey=${keys.primary};Version=1.0;`)).toEqual([]);
    expect(connectionStringFindings({}, keys)).toEqual([]);
  });

  test.each([
    ['without Version', `Endpoint=https://a;AccessKey=${keys.primary};`, ['error key write']],
    ['with another key', 'Endpoint=https://a;AccessKey=other;Version=1.0;', ['error key write']],
    ['with the decoded key', `Endpoint=https://a;AccessKey=${decoded};Version=1.0;`, ['error key use']],
    [
      'with http beyond this machine',
      `Endpoint=http://a;AccessKey=${keys.primary};Version=1.0;`,
      ['warning key JavaScript:'],
    ],
  ])('[MG-227] key: %s', (_, text, expected) => {
    const findings = found(text);
    expect(inShort(findings)).toEqual(expected);
    for (const secret of [keys.primary, decoded, 'AccessKey=other']) {
      expect(JSON.stringify(findings)).not.toContain(secret);
    }
  });
});
