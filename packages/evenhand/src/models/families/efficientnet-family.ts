import type { Family } from '../family.js';
import { buildEfficientNet, EFFICIENTNETS } from './efficientnet.js';
import { TimmEfficientNet } from './timm-efficientnet.js';
import { TIMM_EFFICIENTNETS } from './timm-efficientnet-rows.js';

const PREFIX = 'torchvision/';

/** torchvision's EfficientNets, `torchvision/efficientnet_b0`, and the networks of timm's `models/efficientnet.py`. */
export const EFFICIENTNET: Family = {
  name: 'EfficientNet',
  architectures: [...Object.keys(EFFICIENTNETS).map((name) => PREFIX + name), ...Object.keys(TIMM_EFFICIENTNETS)],
  build(architecture, options) {
    if (!architecture.startsWith(PREFIX)) return new TimmEfficientNet(architecture, options);
    return buildEfficientNet(architecture.slice(PREFIX.length) as keyof typeof EFFICIENTNETS, options);
  },
};
