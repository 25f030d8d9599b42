import { plural } from '../../format.js';
import { modelFacts } from '../model-facts.js';

/** What a run's configuration says of its training, in sentences. */
export function describeMethod(config: Readonly<Record<string, unknown>>): string {
  return [describePhases(config), describeBalance(config), describeStopping(config)].join(' ');
}

/** What model.json says of the pretrained weights and their licence, as a sentence with a space before it, or nothing. */
export function describeWeights(model: Readonly<Record<string, unknown>> | null): string {
  const facts = new Map(modelFacts(model));
  const license = facts.get('Licence of the weights');
  if (license === undefined) return '';
  return ` The network starts from weights of ${facts.get('Model')}, whose licence is ${license}.`;
}

function describePhases(config: Readonly<Record<string, unknown>>): string {
  const [headEpochs, epochs] = [Number(config.headEpochs), Number(config.epochs)];
  const network = config.weights === 'none' ? 'A network with random initial weights' : 'A pretrained network';
  const hasSlowBackbone = Number(config.backboneRate) < Number(config.headRate);
  const traits = [
    ...(hasSlowBackbone ? ['a lower learning rate for the backbone'] : []),
    ...(Number(config.warmupEpochs) > 0 ? ['warm-up'] : []),
    'cosine decay',
  ];
  const schedule = `with ${traits.join(', ').replace(/, (?=[^,]*$)/, ' and ')}`;
  if (!(epochs > 0)) return `${network} gets a new head, which is trained on its frozen features.`;
  return headEpochs > 0
    ? `${network} is fine-tuned in two phases: first a new head on frozen features, then the whole network, ${schedule}.`
    : `${network} with a new head is trained as a whole, ${schedule}.`;
}

function describeBalance({ balance }: Readonly<Record<string, unknown>>): string {
  const methods = (Array.isArray(balance) ? balance : []).filter((method) => method !== 'none');
  return methods.length === 0
    ? 'Nothing is done against class imbalance.'
    : `Against class imbalance: ${methods.join(' and ')}.`;
}

function describeStopping({ keep, patience, epochs }: Readonly<Record<string, unknown>>): string {
  if (keep === 'last' || !(Number(patience) > 0) || !(Number(epochs) > 0)) return 'There is no early stopping.';
  return `Training stops after ${plural(Number(patience), 'epoch')} without a better Macro F1.`;
}
