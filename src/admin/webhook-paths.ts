/** Routes of operators, of webhooks and of the outbox. [pusher-webhooks 2.7] */
export const webhooksPrefix = '/admin/webhooks';

/** Of a request to one of them. */
export const mostBodyBytes = 1024 * 1024;
