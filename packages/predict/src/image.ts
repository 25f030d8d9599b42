/** Width and height in pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** A rectangle in pixels. */
export interface Box extends Size {
  readonly left: number;
  readonly top: number;
}

/** A decoded image: red, green and blue of each pixel in [0, 255], row by row. */
export interface Pixels extends Size {
  /** [height, width, 3] */
  readonly data: Uint8Array;
  /** Set if the image was decoded at a reduced size. */
  readonly reducedFrom?: ReducedFrom;
  /** A fault of the file that did not keep it from being decoded, in plain words without the file's name. */
  readonly warning?: string;
}

/** Width and height of the whole image in its file, and where it lies in the reduced pixels. */
export interface ReducedFrom extends Size {
  /** The part of the reduced pixels that the whole image covers. It may reach a fraction of a pixel beyond an edge. */
  readonly box: Box;
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
