import { Type } from '@sinclair/typebox';
import { record } from './fields.js';

/** [client-protocols 5.2, D4] */
export const defaultRecoverySeconds = 30;
/** [client-protocols D3] */
export const defaultFinalCloseCodes = [1000] as const;

export const reliable = record(
  {
    recoveryWindowInSeconds: Type.Optional(
      Type.Number({
        minimum: 30,
        maximum: 3600,
        default: defaultRecoverySeconds,
        description: 'Seconds during which a reliable client can recover its session after its connection is lost.',
      }),
    ),
    finalCloseCodes: Type.Optional(
      Type.Array(Type.Integer({ minimum: 1000, maximum: 4999, description: 'A WebSocket close code.' }), {
        default: [...defaultFinalCloseCodes],
        description: 'WebSocket close codes with which a reliable client ends its session immediately.',
      }),
    ),
  },
  { description: 'Sessions of the reliable subprotocols.' },
);
