import type { TSchema } from '@sinclair/typebox';
import { editing, type SettingsPath } from '../../src/config/edit/edit-text.js';
import type { Mapping } from '../../src/config/edit/next-change.js';
import type { YamlText } from '../../src/config/edit/yaml-text.js';

/** All steps of an edit at once. @throws as `editing` */
export function edited(before: YamlText, path: SettingsPath, schema: TSchema, settings: Mapping | undefined): YamlText {
  const steps = editing(before, path, schema, settings);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
