import { Type } from '@sinclair/typebox';
import { nullable, record, requestUrl } from './fields.js';
import { secureUrl } from './patterns.js';

/** [rest-api 1.4] */
export const defaultEntraAudiences = ['https://webpubsub.azure.com'] as const;

const entraIssuer = record(
  {
    issuer: requestUrl(
      'The iss claim of the tokens: https://sts.windows.net/TENANT/, or with v2 tokens https://login.microsoftonline.com/TENANT/v2.0.',
      secureUrl,
    ),
    jwksUri: Type.Optional(
      nullable(
        requestUrl(
          "URL of the issuer's signing keys. Default: the one in the issuer's OpenID configuration document.",
          secureUrl,
        ),
      ),
    ),
  },
  { description: 'An issuer of tokens.' },
);

const entra = record(
  {
    audiences: Type.Optional(
      nullable(
        Type.Array(Type.String({ minLength: 1, description: 'An aud claim.' }), {
          default: [...defaultEntraAudiences],
          description: 'Accepted aud claims of Entra ID tokens.',
        }),
      ),
    ),
    issuers: Type.Optional(
      nullable(Type.Array(entraIssuer, { description: 'Issuers whose tokens are accepted. Default: none.' })),
    ),
  },
  { description: 'Callers with Entra ID tokens; the roles claim determines what they are allowed to do.' },
);

export const callers = record(
  {
    disableLocalAuth: Type.Optional(
      Type.Boolean({
        default: false,
        description: 'Reject REST calls with tokens that are signed with an access key.',
      }),
    ),
    disableAadAuth: Type.Optional(
      Type.Boolean({ default: false, description: 'Reject REST calls with Entra ID tokens.' }),
    ),
    entra: Type.Optional(nullable(entra)),
  },
  { description: 'Who may call the REST API.' },
);
