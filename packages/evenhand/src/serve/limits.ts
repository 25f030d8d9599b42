/** What a server accepts. What exceeds a limit is answered by the status beside it. */
export interface ServeLimits {
  /** Bytes of a request's body (413). */
  readonly bodyBytes: number;
  /** Bytes of all bodies that are being read or predicted (503). */
  readonly allBodyBytes: number;
  /** Images in a request (422). */
  readonly images: number;
  /** Pixels of an image, known from its header before it is decoded (422). */
  readonly pixels: number;
  /** Images that wait or are predicted, of all clients (503) and of one address (429). */
  readonly queue: number;
  readonly clientQueue: number;
  /** Seconds from a request's arrival to its answer (503). */
  readonly seconds: number;
}

export const DEFAULT_LIMITS: ServeLimits = {
  bodyBytes: 20_000_000,
  allBodyBytes: 400_000_000,
  images: 64,
  pixels: 50_000_000,
  queue: 512,
  clientQueue: 128,
  seconds: 30,
};
