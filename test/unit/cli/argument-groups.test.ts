import { expect, test } from 'vitest';
import { groupArguments, valuesOf } from '../../../src/cli/argument-groups.js';

test('[MG-053] the values of each occurrence are one, up to the next flag', () => {
  const args = [
    'hub',
    'create',
    '--event-handler',
    'a=1',
    'b=2',
    '--hub-name',
    'x',
    '--event-handler',
    'c=3',
    '-o',
    'json',
  ];
  expect(groupArguments(args)).toEqual([
    'hub',
    'create',
    '--event-handler',
    'a=1\0b=2',
    '--hub-name',
    'x',
    '--event-handler',
    'c=3',
    '-o',
    'json',
  ]);
  expect(valuesOf('a=1\0b=2')).toEqual(['a=1', 'b=2']);
});

test('a value may stand behind an equals sign, and what follows -- is left alone', () => {
  expect(groupArguments(['--event-handler=a=1', 'b=2', '--', '--set', 'c', 'd'])).toEqual([
    '--event-handler',
    'a=1\0b=2',
    '--',
    '--set',
    'c',
    'd',
  ]);
  expect(groupArguments(['--set'])).toEqual(['--set']);
  expect(groupArguments(['--settle', 'a', 'b'])).toEqual(['--settle', 'a', 'b']);
});
