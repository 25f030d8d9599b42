import type { Box, Pixels } from './image.js';
import type { Geometry } from './preprocess.js';

/** What covering parts of an image does to the probability of its class. */
export interface Explanation {
  readonly label: string;
  /** The probability of `label` for the whole image. */
  readonly probability: number;
  /** The image's cells are squares, `cells` in a row and as many rows. */
  readonly cells: number;
  /** [cells * cells], row by row: how much lower the probability is if the surroundings of a cell are covered. */
  readonly drops: readonly number[];
  /** The part of the image that the model sees, as shares of its width and height. */
  readonly box: Box;
}

/** Cells in a row and in a column. */
const CELLS = 7;

/** Half the side of the square that covers a cell, in cells: less than a cell changes too little. */
const REACH = 1;

/**
 * Images with covered parts. The difference that covering a part makes explains a prediction of any model (Zeiler and
 * Fergus, Visualizing and Understanding Convolutional Networks, ECCV 2014, section 4.2).
 */
export class Occlusion {
  readonly #window: Box;
  readonly #colour: readonly number[];
  /** The number of images with a covered part. */
  readonly count = CELLS * CELLS;

  /**
   * @param image scaled to `scaledSize(image, preset)`, so that the model crops it and does not scale it again
   */
  constructor(
    private readonly image: Pixels,
    { crop, mean }: Pick<Geometry, 'crop' | 'mean'>,
  ) {
    const width = Math.min(crop, image.width);
    const height = Math.min(crop, image.height);
    const left = Math.round((image.width - width) / 2);
    const top = Math.round((image.height - height) / 2);
    this.#window = { left, top, width, height };
    // The mean becomes 0 when the image is normalised.
    this.#colour = mean.map((value) => Math.round(255 * value));
  }

  /** The image whose part around cell `i` has the mean colour. */
  covered(i: number): Pixels {
    const { left, top, width, height } = this.#window;
    const range = (cell: number, start: number, length: number): [from: number, to: number] => [
      start + Math.round((Math.max(0, cell + 0.5 - REACH) * length) / CELLS),
      start + Math.round((Math.min(CELLS, cell + 0.5 + REACH) * length) / CELLS),
    ];
    const [fromX, toX] = range(i % CELLS, left, width);
    const [fromY, toY] = range(Math.floor(i / CELLS), top, height);
    const data = Uint8Array.from(this.image.data);
    for (let y = fromY; y < toY; y++) {
      for (let x = fromX; x < toX; x++) data.set(this.#colour, (y * this.image.width + x) * 3);
    }
    return { width: this.image.width, height: this.image.height, data };
  }

  /**
   * @param probability of the label for the whole image
   * @param covered [count]: its probability for each image with a covered part
   */
  explain(label: string, probability: number, covered: readonly number[]): Explanation {
    const { left, top, width, height } = this.#window;
    const { image } = this;
    const box = {
      left: left / image.width,
      top: top / image.height,
      width: width / image.width,
      height: height / image.height,
    };
    return { label, probability, cells: CELLS, drops: covered.map((other) => probability - other), box };
  }
}
