/** A decoded image: red, green and blue of each pixel in [0, 255], row by row. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  /** [height, width, 3] */
  readonly data: Uint8Array;
  /** A fault of the file that did not keep it from being decoded, in plain words without the file's name. */
  readonly warning?: string;
}

/** An image that cannot be used; `message` is one sentence with its name and the reason. */
export class ImageError extends Error {
  override readonly name = 'ImageError';

  /**
   * @param file the file's path, or another name that the user knows
   * @param reason why it cannot be used, in plain words without the file's name
   */
  constructor(
    readonly file: string,
    readonly reason: string,
  ) {
    super(`${file}: ${reason}`);
  }
}
