/** A point of the picture, whose sides are 100 long, y downwards. */
export type Point = readonly [x: number, y: number];

/** A colour at a place of a gradient, from 0 to 1; opaque unless said. */
export type Stop = readonly [at: number, colour: string, opacity?: number];

export type Attributes = Readonly<Record<string, string | number>>;

/** Collects the shapes of one layer of a picture and writes them as SVG. */
export class Canvas {
  readonly #parts: string[] = [];
  #gradients = 0;

  /** A gradient along a line; the answer is a paint for `fill` or `stroke`. */
  linear([x1, y1]: Point, [x2, y2]: Point, stops: readonly Stop[]): string {
    const line = `x1="${num(x1)}" y1="${num(y1)}" x2="${num(x2)}" y2="${num(y2)}"`;
    return this.#gradient('linearGradient', line, stops);
  }

  /** A gradient from a centre outwards, its circle squeezed to `ratio` of its height and then turned by `degrees`. */
  radial([x, y]: Point, radius: number, stops: readonly Stop[], ratio = 1, degrees = 0): string {
    const place = `translate(${num(x)} ${num(y)}) rotate(${num(degrees)}) scale(${num(radius)} ${num(radius * ratio)})`;
    return this.#gradient('radialGradient', `cx="0" cy="0" r="1" gradientTransform="${place}"`, stops);
  }

  path(d: string, attributes: Attributes): void {
    this.#parts.push(`<path d="${d}"${written(attributes)}/>`);
  }

  ellipse([x, y]: Point, rx: number, ry: number, attributes: Attributes, degrees = 0): void {
    const turn = degrees === 0 ? '' : ` transform="rotate(${num(degrees)} ${num(x)} ${num(y)})"`;
    this.#parts.push(
      `<ellipse cx="${num(x)}" cy="${num(y)}" rx="${num(rx)}" ry="${num(ry)}"${turn}${written(attributes)}/>`,
    );
  }

  /** The layer as a picture of `pixels` by `pixels`. */
  svg(pixels: number): Buffer {
    const head = `<svg xmlns="http://www.w3.org/2000/svg" width="${pixels}" height="${pixels}" viewBox="0 0 100 100">`;
    return Buffer.from(`${head}${this.#parts.join('')}</svg>`);
  }

  #gradient(kind: string, geometry: string, stops: readonly Stop[]): string {
    const id = `g${this.#gradients++}`;
    const list = stops.map(([at, colour, opacity]) => {
      const see = opacity === undefined ? '' : ` stop-opacity="${num(opacity)}"`;
      return `<stop offset="${num(at)}" stop-color="${colour}"${see}/>`;
    });
    this.#parts.push(`<${kind} id="${id}" gradientUnits="userSpaceOnUse" ${geometry}>${list.join('')}</${kind}>`);
    return `url(#${id})`;
  }
}

/** Lines from point to point; closed unless said. */
export function polygon(points: readonly Point[], closed = true): string {
  const [first, ...rest] = points;
  if (first === undefined) return '';
  return `M${num(first[0])} ${num(first[1])}L${rest.map(([x, y]) => `${num(x)} ${num(y)}`).join(' ')}${closed ? 'Z' : ''}`;
}

/** An open curve whose middle parts pass half way between the points. */
export function curve(points: readonly Point[]): string {
  const [first, ...rest] = points;
  if (first === undefined || rest.length < 2) return polygon(points, false);
  let d = `M${num(first[0])} ${num(first[1])}`;
  for (const [i, [x, y]] of rest.entries()) {
    const next = rest[i + 1];
    if (next === undefined) break;
    const last = i === rest.length - 2;
    const [endX, endY] = last ? next : [(x + next[0]) / 2, (y + next[1]) / 2];
    d += `Q${num(x)} ${num(y)} ${num(endX)} ${num(endY)}`;
  }
  return d;
}

/** Dots for a path with a round `stroke-linecap`, one stroke width across: cheaper than a circle each. */
export function dots(points: readonly Point[]): string {
  return points.map(([x, y]) => `M${num(x)} ${num(y)}h.01`).join('');
}

/** A number as short as a hundredth of the unit allows. */
export function num(x: number): string {
  const rounded = Math.round(x * 100) / 100;
  return Object.is(rounded, -0) ? '0' : String(rounded);
}

function written(attributes: Attributes): string {
  return Object.entries(attributes)
    .map(([name, value]) => ` ${name}="${typeof value === 'number' ? num(value) : value}"`)
    .join('');
}
