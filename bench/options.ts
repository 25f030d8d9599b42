/** A flag that cannot be used; its message is followed by the usage. */
export class UsageError extends Error {}

/** Prints an error of the command line with the usage and exits with code 2; throws any other error again. */
export function exitWithUsage(error: unknown, usage: string): never {
  if (!(error instanceof UsageError || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS'))) throw error;
  console.error(`${(error as Error).message}\n${usage}`);
  process.exit(2);
}

/** The device of this name, `cuda` being the first GPU. */
export function chooseDevice(name: string, available: readonly string[]): string {
  const found = available.find((each) => each === name || each === `${name}:0`);
  if (found !== undefined) return found;
  throw new UsageError(`--device must be one of ${available.join(', ')}, got ${name}.`);
}

export function oneOf<const T extends string>(flag: string, value: string, known: readonly T[]): T {
  const found = known.find((name) => name === value);
  if (found !== undefined) return found;
  throw new UsageError(`--${flag} must be ${known.join(' or ')}, got ${value}.`);
}

export function positive(flag: string, value: string): number {
  if (/^[1-9]\d*$/.test(value)) return Number(value);
  throw new UsageError(`--${flag} must be a whole number of at least 1, got ${value}.`);
}
