/** A file format that is not supported, by the bytes at its start. */
interface Format {
  readonly name: string;
  /** Where the signature stands, in bytes; default 0. */
  readonly offset?: number;
  /** As ISO-8859-1. */
  readonly signatures: readonly string[];
  /** What to convert it to; nothing for what is not an image. */
  readonly convert?: { readonly from: string; readonly to: 'jpg' | 'png'; readonly mac?: string };
}

const HEIC_BRANDS = ['heic', 'heix', 'heim', 'heis', 'hevc', 'hevx', 'mif1', 'msf1'];

const FORMATS: readonly Format[] = [
  {
    name: 'a HEIC image',
    // ISO/IEC 23008-12: the brand follows the type of the first box.
    offset: 4,
    signatures: HEIC_BRANDS.map((brand) => `ftyp${brand}`),
    convert: { from: 'heic', to: 'jpg', mac: 'sips -s format jpeg *.heic --out .' },
  },
  { name: 'a BMP image', signatures: ['BM'], convert: { from: 'bmp', to: 'png' } },
  {
    name: 'a PPM image (Netpbm)',
    signatures: ['P1', 'P2', 'P3', 'P4', 'P5', 'P6', 'P7'].flatMap((mark) => [`${mark}\n`, `${mark} `, `${mark}\r`]),
    convert: { from: 'ppm', to: 'png' },
  },
  {
    name: 'a JPEG XL image',
    signatures: ['\xff\x0a', '\0\0\0\x0cJXL '],
    convert: { from: 'jxl', to: 'jpg' },
  },
  {
    name: 'a JPEG 2000 image',
    signatures: ['\0\0\0\x0cjP  ', '\xff\x4f\xff\x51'],
    convert: { from: 'jp2', to: 'jpg' },
  },
  { name: 'a Windows icon', signatures: ['\0\0\x01\0', '\0\0\x02\0'], convert: { from: 'ico', to: 'png' } },
  { name: 'a Photoshop file', signatures: ['8BPS'], convert: { from: 'psd', to: 'png' } },
  { name: 'an SVG drawing', signatures: ['<svg'], convert: { from: 'svg', to: 'png' } },
  { name: 'a PDF document', signatures: ['%PDF-'] },
  { name: 'a ZIP archive', signatures: ['PK\x03\x04'] },
  { name: 'a web page (HTML)', signatures: ['<!doctype html', '<html'] },
];

/**
 * Why a file of another format is refused, if its first bytes or libvips tell what it is: with the command that converts
 * an image.
 *
 * @param libvips the format's name in libvips, if it recognised the file
 */
export function describeUnsupported(bytes: Uint8Array, libvips?: string): string | undefined {
  const start = Buffer.from(bytes.subarray(0, 300)).toString('latin1');
  const text = start.replace('\xef\xbb\xbf', '').trimStart().toLowerCase();
  const format = FORMATS.find(
    ({ offset = 0, signatures }) =>
      (libvips === 'svg' && signatures.includes('<svg')) ||
      signatures.some((mark) => start.startsWith(mark, offset) || (mark.startsWith('<') && text.startsWith(mark))),
  );
  if (format === undefined) return libvips && `its format, ${libvips}, is not supported; convert it to JPEG or PNG`;
  const { name, convert } = format;
  if (convert === undefined) {
    return `it is ${name}, not an image${name.includes('HTML') ? '; its download probably failed' : ''}`;
  }
  const { from, to, mac } = convert;
  const command = `magick mogrify -format ${to} *.${from}`;
  return (
    `it is ${name}, which is not supported; convert it to ${to === 'jpg' ? 'JPEG' : 'PNG'}, for example with ` +
    `ImageMagick: ${command}${mac === undefined ? '' : ` (on macOS: ${mac})`}`
  );
}
