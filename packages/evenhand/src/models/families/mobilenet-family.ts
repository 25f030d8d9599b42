import { changeArguments, type Family, requireOneOf } from '../family.js';
import { MobileNetV2 } from './mobilenet-v2.js';
import { MobileNetV3 } from './mobilenet-v3.js';
import { MOBILENETS } from './mobilenet-v3-rows.js';
import { MOBILENETS_V3, TorchvisionMobileNetV3 } from './torchvision-mobilenet-v3.js';

const PREFIX = 'torchvision/';

/** torchvision's MobileNets, `torchvision/mobilenet_v2`, and the networks of timm's `models/mobilenetv3.py`. */
export const MOBILENET: Family = {
  name: 'MobileNet',
  architectures: [
    ...['mobilenet_v2', ...Object.keys(MOBILENETS_V3)].map((name) => PREFIX + name),
    ...Object.keys(MOBILENETS),
  ],
  build(architecture, options) {
    if (!architecture.startsWith(PREFIX)) return new MobileNetV3(architecture, options);
    const name = architecture.slice(PREFIX.length);
    const args = changeArguments(architecture, { dropout: 0.2 }, options.args);
    const pool = requireOneOf(architecture, 'pool', options.pool ?? 'avg', ['avg', 'max']);
    const all = { ...options, ...args, pool };
    if (name === 'mobilenet_v2') return new MobileNetV2(options.numClasses, all);
    return new TorchvisionMobileNetV3(MOBILENETS_V3[name as keyof typeof MOBILENETS_V3], options.numClasses, all);
  },
};
