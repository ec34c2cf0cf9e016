/** From the fewest lines to the most; `silent` writes none. In a file of its own: the command line names them without loading the logger. */
export const logLevels = ['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const;
export type LogLevel = (typeof logLevels)[number];
