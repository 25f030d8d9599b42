/** A colour in OKLCH (Ottosson 2020, https://bottosson.github.io/posts/oklab): equal steps look equally different. */
export interface Colour {
  /** Lightness, 0 (black) to 1 (white). */
  readonly l: number;
  /** Chroma, 0 (grey) to about 0.3. */
  readonly c: number;
  /** Hue in degrees. */
  readonly h: number;
}

/** A colour between two others, along the shorter arc of hues; `share` of `b` from 0 to 1. */
export function mix(a: Colour, b: Colour, share: number): Colour {
  // A grey takes the hue of the other colour, so that white to blue does not pass through green.
  const from = a.c < 0.03 ? b.h : a.h;
  const to = b.c < 0.03 ? from : b.h;
  const turn = ((((to - from) % 360) + 540) % 360) - 180;
  return { l: a.l + (b.l - a.l) * share, c: a.c + (b.c - a.c) * share, h: from + turn * share };
}

/** The same colour in more (above 1) or less light; shadows keep their chroma and become slightly blue, as outdoors. */
export function lit(colour: Colour, light: number): Colour {
  if (light >= 1) {
    // Only part of the way to white, or the sunlit petals of a yellow flower would be white.
    const more = Math.min(1, (light - 1) * 2);
    return {
      l: colour.l + (Math.max(0.97, colour.l) - colour.l) * more * 0.6,
      c: colour.c * (1 - 0.25 * more),
      h: colour.h,
    };
  }
  return mix(
    { l: colour.l * light, c: colour.c * (0.5 + 0.5 * light), h: colour.h },
    { l: 0.3, c: 0.06, h: 275 },
    (1 - light) * 0.28,
  );
}

/** The colour as `#rrggbb`; chroma outside of sRGB is reduced at the same lightness and hue. */
export function css({ l, c, h }: Colour): string {
  let chroma = c;
  let rgb = toLinear(l, chroma, h);
  for (let i = 0; i < 12 && rgb.some((x) => x < -0.002 || x > 1.002); i++) {
    chroma *= 0.9;
    rgb = toLinear(l, chroma, h);
  }
  return `#${rgb.map((x) => encode(x).toString(16).padStart(2, '0')).join('')}`;
}

function toLinear(l: number, c: number, h: number): [number, number, number] {
  const a = c * Math.cos((h * Math.PI) / 180);
  const b = c * Math.sin((h * Math.PI) / 180);
  const long = (l + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const medium = (l - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const short = (l - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
    -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
    -0.0041960863 * long - 0.7034186147 * medium + 1.707614701 * short,
  ];
}

function encode(x: number): number {
  const clamped = Math.min(1, Math.max(0, x));
  return Math.round(255 * (clamped <= 0.0031308 ? 12.92 * clamped : 1.055 * clamped ** (1 / 2.4) - 0.055));
}
