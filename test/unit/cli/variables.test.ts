import { describe, expect, test } from 'vitest';
import { lookUp, type SettingName, settings, variableWarnings } from '../../../src/cli/variables.js';

/** What Kubernetes sets for a Service: docker-style links, and host and port. */
function serviceLinks(service: string, address: string, port: number): Record<string, string> {
  const name = service.toUpperCase().replaceAll('-', '_');
  const link = `${name}_PORT_${port}_TCP`;
  return {
    [`${name}_SERVICE_HOST`]: address,
    [`${name}_SERVICE_PORT`]: String(port),
    [`${name}_SERVICE_PORT_HTTP`]: String(port),
    [`${name}_PORT`]: `tcp://${address}:${port}`,
    [link]: `tcp://${address}:${port}`,
    [`${link}_PROTO`]: 'tcp',
    [`${link}_PORT`]: String(port),
    [`${link}_ADDR`]: address,
  };
}

const links = {
  ...serviceLinks('hubwire', '10.96.0.11', 8080),
  ...serviceLinks('hubwire-admin', '10.96.0.12', 8081),
  ...serviceLinks('hubwire-chat-app', '10.96.0.13', 3000),
};

describe('[D08] where a setting comes from', () => {
  test.each(Object.keys(settings) as SettingName[])(
    '%s: the flag, then each variable in turn, and messages name it',
    name => {
      const { flag, variables } = settings[name];
      const env = Object.fromEntries(variables.map(variable => [variable, `of ${variable}`]));
      expect(lookUp(name, { [name]: 'of the flag' }, env)).toEqual({ text: 'of the flag', name: flag });
      for (const variable of variables) {
        expect(lookUp(name, {}, env)).toEqual({ text: `of ${variable}`, name: variable });
        env[variable] = ''; // counts as not set
      }
      expect(lookUp(name, {}, env)?.name ?? flag).toBe(flag);
    },
  );

  test('the order for the port is the flag, HUBWIRE_PORT, PORT', () => {
    expect(settings.port.variables).toEqual(['HUBWIRE_PORT', 'PORT']);
    expect(lookUp('port', {}, { HUBWIRE_PORT: '1', PORT: '2' }).text).toBe('1');
    expect(lookUp('port', {}, { PORT: '2' }).text).toBe('2');
    expect(lookUp('port', {}, {}).text).toBe('8080');
  });

  test('a flag without a value is true', () => {
    expect(lookUp('trustProxy', { trustProxy: true }, {})).toEqual({ text: 'true', name: '--trust-proxy' });
    expect(lookUp('trustProxy', {}, {})).toBeUndefined();
  });
});

describe('[D08] Kubernetes service links', () => {
  test('are no ports: the next variable, or the default, counts', () => {
    expect(lookUp('port', {}, { ...links, PORT: '9000' })).toEqual({ text: '9000', name: 'PORT' });
    expect(lookUp('adminPort', {}, links).text).toBe('8081');
    expect(lookUp('port', {}, { HUBWIRE_PORT: 'udp://10.0.0.1:53' }).text).toBe('8080');
  });

  test('one warning for each port that they stand in the way of, and none for all the others', () => {
    const [first, second, ...more] = variableWarnings({}, links, '');
    expect(first).toMatch(/^HUBWIRE_PORT=tcp:\/\/10\.96\.0\.11:8080 is ignored: .*--port/);
    expect(second).toMatch(/^HUBWIRE_ADMIN_PORT=tcp:\/\/10\.96\.0\.12:8081 is ignored: .*--admin-port/);
    expect(more).toEqual([]);
  });

  test('no warning where a flag gives the port', () => {
    expect(variableWarnings({ port: '8080', adminPort: '0' }, links, '')).toEqual([]);
  });
});

describe('[D08] variables that nothing reads', () => {
  test.each([
    ['HUBWIRE_LOGLEVEL', 'HUBWIRE_LOG_LEVEL'],
    ['HUBWIRE_PRIMARYKEY', 'HUBWIRE_PRIMARY_KEY'],
    ['HUBWIRE_ENDPOINTS', 'HUBWIRE_ENDPOINT'],
    ['HUBWIRE_ADMINPORT', 'HUBWIRE_ADMIN_PORT'],
  ])('%s: did you mean %s?', (name, meant) => {
    const text = `${name} is set, but there is no setting with that name; did you mean ${meant}?`;
    expect(variableWarnings({}, { [name]: 's3cret' }, '')).toEqual([text]);
  });

  test('without a near one, all are named; no value is shown', () => {
    const [warning] = variableWarnings({}, { HUBWIRE_COLOUR: 's3cret' }, '');
    expect(warning).toContain('known variables are HUBWIRE_HUBS, HUBWIRE_HOST, HUBWIRE_PORT');
    expect(warning).not.toContain('s3cret');
  });

  test('those that hubs.yaml names are read', () => {
    const env = { HUBWIRE_APP_URL: 'http://app', HUBWIRE_CODE: 'k' };
    const text = `urlTemplate: $\{HUBWIRE_APP_URL}/?code=$\{HUBWIRE_CODE}`;
    expect(variableWarnings({}, env, text)).toEqual([]);
    expect(variableWarnings({}, env, 'urlTemplate: http://app')).toHaveLength(2);
  });

  test('known ones, and those of other programs, give none', () => {
    const known = Object.values(settings).flatMap(({ variables }) => variables);
    const env = Object.fromEntries(known.map(name => [name, '1']));
    expect(variableWarnings({}, { ...env, HUBWIRE_PRIMARY_KEY_FILE: 'x', HOME: '/', HUBWIREX: '1' }, '')).toEqual([]);
  });
});
