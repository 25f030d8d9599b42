import { distributed } from '@evenhand/torch';

/** What a launcher such as torchrun says to one of several processes; null if there is one process. */
export function launched(): distributed.Environment | null {
  const environment = distributed.readEnvironment();
  return environment && environment.worldSize > 1 ? environment : null;
}
