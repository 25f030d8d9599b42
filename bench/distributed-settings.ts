// What `npm run bench -- distributed` and its processes have in common.

/** What a process gets as JSON. Its rank and the address of its group are in the environment, as torchrun sets them. */
export interface RankSettings {
  readonly model: string;
  /** Images of the global batch. */
  readonly batch: number;
  /** Height and width in pixels. */
  readonly size: number;
  /** Steps of a turn. */
  readonly steps: number;
  readonly threads: number;
}

/**
 * What a turn measures: steps without communication, with communication after the backward pass, with communication during it,
 * or the communication alone. A process gets the name as a line of its standard input and answers with milliseconds per step.
 */
export const TURNS = ['none', 'after', 'during', 'alone'] as const;
export type TurnName = (typeof TURNS)[number];
