/** A decoded image: red, green and blue of each pixel in [0, 255], row by row. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  /** [height, width, 3] */
  readonly data: Uint8Array;
}

/** An image that cannot be used; `message` is one sentence that names it and says why. */
export class ImageError extends Error {
  override readonly name = 'ImageError';

  /**
   * @param file the file's path, or how else the image is known to the user
   * @param reason why it cannot be used, in plain words, without the file's name
   */
  constructor(
    readonly file: string,
    readonly reason: string,
  ) {
    super(`${file}: ${reason}`);
  }
}
