/** A point of the image, which is 100 wide and high, with y downwards. */
export type Point = readonly [x: number, y: number];

/** A colour at a position of a gradient, from 0 to 1; opaque by default. */
export type Stop = readonly [position: number, colour: string, opacity?: number];

export type Attributes = Readonly<Record<string, string | number>>;

/** Collects the shapes of one layer of an image and writes them as SVG. */
export class Canvas {
  readonly #parts: string[] = [];
  /** Gradients by their kind and stops. */
  readonly #colours = new Map<string, string>();
  #gradients = 0;

  /** Adds a gradient along a line and returns a paint for `fill` or `stroke`. */
  linear([x1, y1]: Point, [x2, y2]: Point, stops: readonly Stop[]): string {
    const line = `x1="${len(x1)}" y1="${len(y1)}" x2="${len(x2)}" y2="${len(y2)}"`;
    return this.#gradient('linearGradient', line, stops);
  }

  /** Adds a radial gradient; its circle is scaled to `ratio` of its height and then rotated by `degrees`. */
  radial([x, y]: Point, radius: number, stops: readonly Stop[], ratio = 1, degrees = 0): string {
    const place = `translate(${len(x)} ${len(y)}) rotate(${num(degrees)}) scale(${len(radius)} ${len(radius * ratio)})`;
    return this.#gradient('radialGradient', `cx="0" cy="0" r="1" gradientTransform="${place}"`, stops);
  }

  path(d: string, attributes: Attributes): void {
    this.#parts.push(`<path d="${d}"${formatAttributes(attributes)}/>`);
  }

  ellipse([x, y]: Point, rx: number, ry: number, attributes: Attributes, degrees = 0): void {
    const turn = degrees === 0 ? '' : ` transform="rotate(${num(degrees)} ${len(x)} ${len(y)})"`;
    this.#parts.push(
      `<ellipse cx="${len(x)}" cy="${len(y)}" rx="${len(rx)}" ry="${len(ry)}"${turn}${formatAttributes(attributes)}/>`,
    );
  }

  /** The layer as SVG of `pixels` by `pixels`. */
  svg(pixels: number): Buffer {
    const head = `<svg xmlns="http://www.w3.org/2000/svg" width="${pixels}" height="${pixels}" viewBox="0 0 ${len(100)} ${len(100)}">`;
    return Buffer.from(`${head}${this.#parts.join('')}</svg>`);
  }

  /** Gradients with the same colours share their stops: the time of librsvg depends on the number of elements. */
  #gradient(kind: string, geometry: string, stops: readonly Stop[]): string {
    const id = `g${this.#gradients++}`;
    const head = `<${kind} id="${id}" ${geometry}`;
    const list = stops
      .map(([position, colour, opacity]) => {
        const opacityText = opacity === undefined ? '' : ` stop-opacity="${num(opacity)}"`;
        return `<stop offset="${num(position)}" stop-color="${colour}"${opacityText}/>`;
      })
      .join('');
    const existing = this.#colours.get(kind + list);
    if (existing === undefined) this.#colours.set(kind + list, id);
    this.#parts.push(
      existing === undefined
        ? `${head} gradientUnits="userSpaceOnUse">${list}</${kind}>`
        : `${head} href="#${existing}"/>`,
    );
    return `url(#${id})`;
  }
}

/** A path of lines from point to point; closed by default. */
export function polygon(points: readonly Point[], closed = true): string {
  const [first, ...rest] = points;
  if (first === undefined) return '';
  return `M${len(first[0])} ${len(first[1])}L${rest.map(([x, y]) => `${len(x)} ${len(y)}`).join(' ')}${closed ? 'Z' : ''}`;
}

/** An open curve that passes through the midpoints between the inner points. */
export function curve(points: readonly Point[]): string {
  const [first, ...rest] = points;
  if (first === undefined || rest.length < 2) return polygon(points, false);
  let d = `M${len(first[0])} ${len(first[1])}`;
  for (const [i, [x, y]] of rest.entries()) {
    const next = rest[i + 1];
    if (next === undefined) break;
    const last = i === rest.length - 2;
    const [endX, endY] = last ? next : [(x + next[0]) / 2, (y + next[1]) / 2];
    d += `Q${len(x)} ${len(y)} ${len(endX)} ${len(endY)}`;
  }
  return d;
}

/** Dots of a width, as hexagons in one path: librsvg fills them faster than circles. */
export function dots(points: readonly Point[], width: number): string {
  const [long, half, high] = [len(width / 2), len(width / 4), len(width * 0.43)];
  const rest = `l${half} ${high}h${long}l${half} -${high}l-${half} -${high}h-${long}Z`;
  return points.map(([x, y]) => `M${len(x - width / 2)} ${len(y)}${rest}`).join('');
}

/** A rectangle from its upper left corner; by default the whole image. */
export function rectangle(x = 0, y = 0, width = 100, height = 100): string {
  return `M${len(x)} ${len(y)}h${len(width)}v${len(height)}h${len(-width)}Z`;
}

/** Formats a length in twentieths, a tenth of a pixel at the default size, which keeps the SVG short. */
function len(x: number): string {
  return String(Math.round(x * 20));
}

/** Formats any other number to a hundredth. */
function num(x: number): string {
  const rounded = Math.round(x * 100) / 100;
  return Object.is(rounded, -0) ? '0' : String(rounded);
}

function formatAttributes(attributes: Attributes): string {
  return Object.entries(attributes)
    .map(
      ([name, value]) =>
        ` ${name}="${typeof value === 'string' ? value : name === 'stroke-width' ? len(value) : num(value)}"`,
    )
    .join('');
}
