/**
 * A counter-based random number generator: every number is a pure function of (seed, stream...) and of its position.
 *
 * Guarantees:
 * - `new Random(seed, epoch, position)` gives the same numbers on every machine, in every thread and in any order of
 *   creation, so the random choices for an image do not depend on the worker or on what was drawn before.
 * - Different (seed, stream...) tuples, of equal or different length, give independent sequences of period 2^66.
 * - `uint32`, `uniform`, `int` and `permutation` use only integer arithmetic and exact scaling and are the same everywhere;
 *   `normal` and `beta` also use functions such as Math.log, which JavaScript engines may round differently in the last bit.
 *
 * Source: Philox4x32-10 of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
 * Not for cryptography.
 */
export class Random {
  readonly #key: Uint32Array;
  readonly #block = new Uint32Array(4);
  #low = 0;
  #high = 0;
  #used = 4;

  /**
   * @param seed a safe integer, also negative
   * @param stream any number of safe integers that distinguish this sequence from others, e.g. epoch and position
   * @throws RangeError if one of them is not a safe integer
   */
  constructor(seed: number, ...stream: number[]) {
    this.#key = new Uint32Array(words(seed, 'seed'));
    // Each stream number is mixed into the key by one block, whose last counter word is never used for output.
    for (const [i, number] of stream.entries()) {
      const [low, high] = words(number, `stream number ${i}`);
      philox4x32(this.#block, low, high, i, 0xffffffff, this.#key[0]!, this.#key[1]!);
      this.#key[0] = this.#block[0]!;
      this.#key[1] = this.#block[1]!;
    }
  }

  /** An integer in [0, 2^32), uniform. */
  uint32(): number {
    if (this.#used === 4) {
      philox4x32(this.#block, this.#low, this.#high, 0, 0, this.#key[0]!, this.#key[1]!);
      this.#low = (this.#low + 1) >>> 0;
      if (this.#low === 0) this.#high = (this.#high + 1) >>> 0;
      this.#used = 0;
    }
    return this.#block[this.#used++]!;
  }

  /** A number in [0, 1), uniform, with 53 random bits. */
  uniform(): number {
    const high = this.uint32() >>> 5;
    const low = this.uint32() >>> 6;
    return (high * 67108864 + low) / 9007199254740992;
  }

  /**
   * An integer in [0, n), exactly uniform (by rejection).
   * @param n from 1 to 2^32
   * @throws RangeError for any other n
   */
  int(n: number): number {
    if (!Number.isInteger(n) || n < 1 || n > 4294967296) {
      throw new RangeError(`Random.int: n must be a whole number from 1 to 2^32, got ${n}`);
    }
    const limit = 4294967296 - (4294967296 % n);
    let x = this.uint32();
    while (x >= limit) x = this.uint32();
    return x % n;
  }

  /** A number from the standard normal distribution (Box and Muller 1958). */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /**
   * A number in [0, 1] from Beta(a, b), as the ratio of two gamma variates.
   * @throws RangeError if a or b is not a positive finite number
   */
  beta(a: number, b: number): number {
    if (!(a > 0 && b > 0 && Number.isFinite(a) && Number.isFinite(b))) {
      throw new RangeError(`Random.beta: a and b must be positive numbers, got ${a} and ${b}`);
    }
    const x = this.#logGamma(a);
    return 1 / (1 + Math.exp(this.#logGamma(b) - x));
  }

  /** The numbers 0 to n - 1 in random order (Fisher and Yates). */
  permutation(n: number): Int32Array {
    const order = Int32Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = this.int(i + 1);
      const swapped = order[i]!;
      order[i] = order[j]!;
      order[j] = swapped;
    }
    return order;
  }

  /**
   * The logarithm of a Gamma(shape, 1) variate (Marsaglia and Tsang 2000). In logarithms because a variate of a small
   * shape underflows: Gamma(0.01) is below 1e-300 once in a thousand draws.
   */
  #logGamma(shape: number): number {
    const d = (shape < 1 ? shape + 1 : shape) - 1 / 3;
    const c = 1 / Math.sqrt(9 * d);
    for (;;) {
      const x = this.normal();
      const v = (1 + c * x) ** 3;
      if (v <= 0) continue;
      if (Math.log(1 - this.uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) {
        const boost = shape < 1 ? Math.log(1 - this.uniform()) / shape : 0;
        return Math.log(d * v) + boost;
      }
    }
  }
}

/**
 * Computes one block of Philox4x32-10: encrypts the counter (c0..c3) with the key (k0, k1) into four words. All words are
 * unsigned 32-bit integers; the result is written to `out` [4].
 */
export function philox4x32(
  out: Uint32Array,
  c0: number,
  c1: number,
  c2: number,
  c3: number,
  k0: number,
  k1: number,
): void {
  let [x0, x1, x2, x3] = [c0, c1, c2, c3];
  for (let round = 0; round < 10; round++) {
    const y0 = (mulHigh(0xcd9e8d57, x2) ^ x1 ^ k0) >>> 0;
    const y2 = (mulHigh(0xd2511f53, x0) ^ x3 ^ k1) >>> 0;
    x1 = Math.imul(0xcd9e8d57, x2) >>> 0;
    x3 = Math.imul(0xd2511f53, x0) >>> 0;
    x0 = y0;
    x2 = y2;
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  out[0] = x0;
  out[1] = x1;
  out[2] = x2;
  out[3] = x3;
}

/** The upper 32 bits of the 64-bit product of two unsigned 32-bit integers. */
function mulHigh(a: number, b: number): number {
  const al = a & 0xffff;
  const ah = a >>> 16;
  const bl = b & 0xffff;
  const bh = b >>> 16;
  const middle = ah * bl + ((al * bl) >>> 16);
  const carry = al * bh + (middle % 65536);
  return (ah * bh + Math.floor(middle / 65536) + Math.floor(carry / 65536)) >>> 0;
}

/** The low and high 32 bits of a safe integer in two's complement. */
function words(value: number, name: string): [low: number, high: number] {
  if (!Number.isSafeInteger(value)) throw new RangeError(`Random: the ${name} must be a safe integer, got ${value}`);
  return [value >>> 0, Math.floor(value / 4294967296) >>> 0];
}
