import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import sharp, { type Sharp } from 'sharp';
import { decode, decodeCrop, MAX_PIXELS, probe } from './decode.js';
import { ImageError } from './image.js';
import { resample } from './resample.js';

type Channels = 1 | 2 | 3 | 4;
const raw = (data: Uint8Array | Uint16Array, width: number, height: number, channels: Channels): Sharp =>
  sharp(data, { raw: { width, height, channels } });
/** A smooth image that survives lossy formats, with a red left and a blue right side. */
const photo = (width: number, height: number): Sharp =>
  raw(
    Uint8Array.from({ length: width * height * 3 }, (_, i) => {
      const x = ((i / 3) | 0) % width;
      return [255 - (x / width) * 200, 60 + 60 * Math.sin(i / (width * 30)), (x / width) * 220][i % 3]!;
    }),
    width,
    height,
    3,
  );

describe('decode', () => {
  it('reads every format into RGB', async () => {
    const expected = (await photo(64, 48).raw().toBuffer()) as Uint8Array;
    const formats: [string, Sharp][] = [
      ['jpeg', photo(64, 48).jpeg({ quality: 95 })],
      ['png', photo(64, 48).png()],
      ['webp', photo(64, 48).webp({ quality: 95 })],
      ['gif', photo(64, 48).gif({ dither: 0 })],
      ['tiff', photo(64, 48).tiff({ compression: 'lzw' })],
      ['avif', photo(64, 48).avif({ quality: 90 })],
    ];
    for (const [format, image] of formats) {
      const bytes = await image.toBuffer();
      const { width, height, data } = await decode(bytes);
      assert.deepEqual([width, height, data.length], [64, 48, 64 * 48 * 3], format);
      const difference = data.reduce((sum, v, i) => sum + Math.abs(v - expected[i]!), 0) / data.length;
      assert.ok(difference < 8, `${format}: mean difference ${difference}`);
      assert.deepEqual(await probe(bytes), { format, width: 64, height: 48, mode: 'rgb' });
    }
  });

  it('shows only the first frame of an animation', async () => {
    const frames = Uint8Array.from({ length: 16 * 32 * 3 }, (_, i) => (i < 16 * 16 * 3 ? 250 : 5));
    const bytes = await sharp(frames, { raw: { width: 16, height: 32, channels: 3, pageHeight: 16 } })
      .gif()
      .toBuffer();
    assert.equal((await sharp(bytes).metadata()).pages, 2);
    const { width, height, data } = await decode(bytes);
    assert.deepEqual([width, height], [16, 16]);
    assert.ok(data.every((value) => value > 240));
  });

  it('applies every EXIF orientation', async () => {
    // Two pixels, red then green; orientations as in the EXIF standard, 1 to 8.
    const [r, g] = [
      [255, 0, 0],
      [0, 255, 0],
    ];
    const expected = [
      [2, r, g],
      [2, g, r],
      [2, g, r],
      [2, r, g],
      [1, r, g],
      [1, r, g],
      [1, g, r],
      [1, g, r],
    ] as [number, number[], number[]][];
    for (const [i, [width, first, second]] of expected.entries()) {
      const bytes = await raw(Uint8Array.from([...r!, ...g!]), 2, 1, 3)
        .withMetadata({ orientation: i + 1 })
        .png()
        .toBuffer();
      const image = await decode(bytes);
      assert.deepEqual([image.width, ...image.data], [width, ...first, ...second], `orientation ${i + 1}`);
      assert.equal((await probe(bytes)).width, width);
    }
  });

  it('converts grey, 16-bit, CMYK and palettes to 8-bit RGB', async () => {
    const decoded = async (image: Sharp): Promise<[string, number[]]> => {
      const bytes = await image.toBuffer();
      return [(await probe(bytes)).mode, [...(await decode(bytes)).data]];
    };
    const grey = raw(Uint8Array.from([0, 7, 255]), 3, 1, 1)
      .toColourspace('b-w')
      .png();
    assert.deepEqual(await decoded(grey), ['grey', [0, 0, 0, 7, 7, 7, 255, 255, 255]]);
    const grey16 = raw(Uint16Array.from([0, 32896, 65535]), 3, 1, 1)
      .toColourspace('grey16')
      .png();
    assert.deepEqual(await decoded(grey16), ['grey 16-bit', [0, 0, 0, 128, 128, 128, 255, 255, 255]]);
    const rgb16 = raw(Uint16Array.from([0, 32896, 65535]), 1, 1, 3)
      .toColourspace('rgb16')
      .png();
    assert.deepEqual(await decoded(rgb16), ['rgb 16-bit', [0, 128, 255]]);
    const palette = raw(Uint8Array.from([0, 0, 0, 255, 255, 255]), 2, 1, 3).png({ palette: true, colours: 2 });
    assert.deepEqual(await decoded(palette), ['rgb', [0, 0, 0, 255, 255, 255]]);
    const [mode, cmyk] = await decoded(photo(16, 16).toColourspace('cmyk').jpeg({ quality: 95 }));
    assert.equal(mode, 'cmyk');
    assert.ok(cmyk[0]! > 180 && cmyk[2]! < 90, 'the left side is red, not its complement');
  });

  it('composites transparent images on white, whatever colour is hidden', async () => {
    const bytes = await raw(Uint8Array.from([10, 20, 30, 0, 10, 20, 30, 255, 0, 0, 0, 128]), 3, 1, 4)
      .png()
      .toBuffer();
    const { data } = await decode(bytes);
    assert.deepEqual([...data], [255, 255, 255, 10, 20, 30, 127, 127, 127]);
    const grey = await raw(Uint8Array.from([10, 0, 200, 255]), 2, 1, 2)
      .toColourspace('b-w')
      .png()
      .toBuffer();
    assert.deepEqual([...(await decode(grey)).data], [255, 255, 255, 200, 200, 200]);
  });
});

describe('a JPEG without its end marker', () => {
  const box = { left: 0, top: 0, width: 200, height: 150 };

  it('is decoded like the whole file, with a warning', async () => {
    for (const progressive of [false, true]) {
      const whole = await photo(200, 150).jpeg({ progressive }).toBuffer();
      const image = await decode(whole);
      const crop = await decodeCrop(whole, box, 16, 16, 'bilinear', 'photo');
      assert.equal(image.warning, undefined);
      for (const missing of [1, 2]) {
        const cut = whole.subarray(0, whole.length - missing);
        const warning = 'the JPEG lacks its end marker (2 bytes), but all of its pixels are there';
        assert.deepEqual(await decode(cut), { ...image, warning }, `${missing} bytes`);
        assert.deepEqual(await decodeCrop(cut, box, 16, 16, 'bilinear', 'photo'), { ...crop, warning });
        assert.deepEqual(await probe(cut), await probe(whole));
      }
    }
  });

  it('is refused if any pixel is missing too', async () => {
    for (const progressive of [false, true]) {
      const whole = await photo(200, 150).jpeg({ progressive }).toBuffer();
      for (let missing = 3; missing < 40; missing++) {
        const cut = whole.subarray(0, whole.length - missing);
        await assert.rejects(decode(cut), { reason: /damaged or cut short/ }, `${missing} bytes`);
      }
    }
  });
});

describe('decode refuses, naming the file and the reason:', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'evenhand-decode-'));
  });
  after(() => rm(folder, { recursive: true }));

  const refused = async (name: string, bytes: Uint8Array | undefined, reason: RegExp): Promise<void> => {
    const file = path.join(folder, name);
    if (bytes !== undefined) await writeFile(file, bytes);
    await assert.rejects(decode(file), (error) => {
      assert.ok(error instanceof ImageError, String(error));
      assert.equal(error.file, file);
      assert.match(error.reason, reason);
      assert.equal(error.message, `${file}: ${error.reason}`);
      return true;
    });
  };

  it('a missing file, a folder, an empty file', async () => {
    await refused('missing.jpg', undefined, /no such file/);
    await refused('.', undefined, /is a folder/);
    await refused('empty.jpg', new Uint8Array(), /empty \(0 bytes\)/);
    await assert.rejects(decode(''), { name: 'ImageError', message: 'image: the file name is empty' });
    await assert.rejects(decode(new Uint8Array()), { message: 'image: the file is empty (0 bytes)' });
  });

  // Opening a FIFO without a writer, or reading a device to its end, would never return.
  it('what is not a regular file, before it is opened', { skip: process.platform === 'win32' }, async () => {
    execFileSync('mkfifo', [path.join(folder, 'fifo.jpg')]);
    await symlink('/dev/zero', path.join(folder, 'device.jpg'));
    await symlink('loop.jpg', path.join(folder, 'loop.jpg'));
    const server = createServer().listen(path.join(folder, 'socket.jpg'));
    try {
      await refused('fifo.jpg', undefined, /^it is a FIFO \(named pipe\), not an image$/);
      await refused('device.jpg', undefined, /^it is a device, not an image$/);
      await refused('socket.jpg', undefined, /^it is a socket, not an image$/);
      await refused('loop.jpg', undefined, /^its symbolic links form a loop$/);
    } finally {
      server.close();
    }
  });

  it('formats that are not supported, with the command that converts them', async () => {
    const ftyp = (brand: string): Buffer => Buffer.from(`\0\0\0\x18ftyp${brand}\0\0\0\0mif1${brand}`, 'latin1');
    const heic =
      /^it is a HEIC image, .* magick mogrify -format jpg \*\.heic \(on macOS: sips -s format jpeg \*\.heic --out \.\)$/;
    await refused('a.heic', ftyp('heic'), heic);
    await refused('b.jpg', ftyp('mif1'), heic);
    const bmp = Buffer.alloc(14 + 40 + 4);
    bmp.write('BM');
    bmp.writeUInt32LE(58, 2);
    await refused(
      'a.bmp',
      bmp,
      /^it is a BMP image, which is not supported; convert it to PNG, .* -format png \*\.bmp$/,
    );
    await refused('a.jpg', Buffer.from('P6\n1 1\n255\nabc'), /^it is a PPM image \(Netpbm\), .* \*\.ppm$/);
    await refused('a.jxl', Buffer.from([0xff, 0x0a, 1, 2]), /^it is a JPEG XL image, /);
    await refused('a.pdf', Buffer.from('%PDF-1.7\n'), /^it is a PDF document, not an image$/);
    await refused('a.zip', Buffer.from('PK\x03\x04'), /^it is a ZIP archive, not an image$/);
  });

  it('a web page, a text, an SVG named .jpg', async () => {
    await refused('page.jpg', Buffer.from('\n<!DOCTYPE HTML><title>404</title>'), /web page \(HTML\)/);
    await refused('text.jpg', Buffer.from('hello'), /not a JPEG, PNG, WebP, GIF, TIFF or AVIF image/);
    const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"></svg>';
    await refused('drawing.jpg', Buffer.from(svg), /^it is an SVG drawing, which is not supported; convert it to PNG/);
  });

  it('truncated files of every format', async () => {
    for (const format of ['jpeg', 'png', 'webp', 'gif', 'tiff', 'avif'] as const) {
      const bytes = await photo(200, 150).toFormat(format).toBuffer();
      for (const share of [0.05, 0.6, 0.98]) {
        const cut = bytes.subarray(0, Math.floor(bytes.length * share));
        await refused(`cut-${share}.${format}`, cut, /cut short/);
      }
    }
  });

  it('30,000 x 30,000 pixels, by the header alone', async () => {
    const bytes = await sharp({ create: { width: 8, height: 8, channels: 3, background: '#fff' } })
      .png()
      .toBuffer();
    bytes.writeUInt32BE(30_000, 16);
    bytes.writeUInt32BE(30_000, 20);
    bytes.writeUInt32BE(crc32(bytes.subarray(12, 29)), 29);
    await refused('huge.png', bytes, /30000 x 30000 pixels are too many; the limit is 200 million pixels/);
    assert.equal(MAX_PIXELS, 200_000_000);
  });
});

describe('decodeCrop', () => {
  it('gives the same as cropping and resampling the decoded image', async () => {
    const bytes = await photo(900, 600).jpeg({ quality: 95 }).toBuffer();
    const image = await decode(bytes);
    const boxes = [
      { left: 31, top: 17, width: 50, height: 60 }, // enlarged
      { left: 101, top: 57, width: 140, height: 120 }, // reduced a little
      { left: 40, top: 30, width: 801, height: 533 }, // reduced much
      { left: 0, top: 0, width: 900, height: 600 },
    ];
    for (const source of boxes) {
      const out = await decodeCrop(bytes, source, 96, 96, 'bilinear', 'photo');
      assert.deepEqual([out.width, out.height], [96, 96]);
      const expected = resample(image, 96, 96, 'bilinear', { source });
      const difference = out.data.reduce((sum, v, i) => sum + Math.abs(v - expected[i]!), 0) / expected.length;
      assert.ok(difference < 1, `${JSON.stringify(source)}: mean difference ${difference}`);
    }
  });

  it('takes the box in pixels of the oriented image', async () => {
    const bytes = await photo(400, 100).withMetadata({ orientation: 6 }).jpeg({ quality: 95 }).toBuffer();
    const header = await probe(bytes);
    assert.deepEqual([header.width, header.height], [100, 400]);
    for (const height of [100, 40]) {
      const top = await decodeCrop(bytes, { left: 0, top: 0, width: 100, height }, 32, 32, 'bilinear', 'photo');
      const expected = resample(await decode(bytes), 32, 32, 'bilinear', {
        source: { left: 0, top: 0, width: 100, height },
      });
      const difference = top.data.reduce((sum, v, i) => sum + Math.abs(v - expected[i]!), 0) / expected.length;
      assert.ok(difference < 1, `mean difference ${difference}`);
    }
  });
});

function crc32(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
