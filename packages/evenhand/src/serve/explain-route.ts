import { decodeCrop, type Explanation, Occlusion, type Pixels, scaledSize } from '@evenhand/predict';
import type { FastifyInstance } from 'fastify';
import sharp from 'sharp';
import { Problem } from './problem.js';
import { oneImageOf, probeWithin } from './read-images.js';
import { explainSchema } from './schemas.js';
import type { Service } from './service.js';

/** Images with covered parts that are predicted at a time. */
const AT_ONCE = 4;

/** The longest scaled image that is explained, in sides of its crop. */
const LONGEST = 16;

/** `POST /v1/explain`: which parts of one image its prediction depends on. It computes as many images as it has parts. */
export function addExplainRoute(api: FastifyInstance, service: Service): void {
  const { queue, limits, signalOf } = service;
  api.post('/v1/explain', { schema: explainSchema(limits), config: { access: 'read' } }, async (request) => {
    const image = oneImageOf(request);
    const signal = signalOf(request);
    const [explanation] = await queue.run(request.ip, [() => explain(service, image, signal)], signal);
    return explanation;
  });
}

async function explain({ model, limits }: Service, image: Buffer, signal: AbortSignal): Promise<Explanation> {
  const { preset, classes } = model.metadata;
  const { width, height } = await probeWithin(image, limits);
  const size = scaledSize({ width, height }, preset);
  if (size.width * size.height > LONGEST * preset.crop ** 2) {
    throw new Problem(422, `The image of ${width} x ${height} pixels is too narrow to be explained.`);
  }
  const whole = { left: 0, top: 0, width, height };
  const scaled = await decodeCrop(image, whole, size.width, size.height, preset.interpolation, 'image');
  const predict = async (pixels: Pixels) => model.predict(await pngOf(pixels), { topK: 1 });
  const { label, probability } = await predict(scaled);
  const k = classes.indexOf(label);
  const occlusion = new Occlusion(scaled, preset);
  const covered: number[] = [];
  while (covered.length < occlusion.count) {
    signal.throwIfAborted();
    const count = Math.min(AT_ONCE, occlusion.count - covered.length);
    const images = Array.from({ length: count }, (_, i) => occlusion.covered(covered.length + i));
    const predictions = await Promise.all(images.map(predict));
    covered.push(...predictions.map(({ probabilities }) => probabilities[k]!));
  }
  return occlusion.explain(label, probability, covered);
}

/** Lossless, with as little work as possible. */
const pngOf = ({ width, height, data }: Pixels): Promise<Buffer> =>
  sharp(data, { raw: { width, height, channels: 3 } })
    .png({ compressionLevel: 1 })
    .toBuffer();
