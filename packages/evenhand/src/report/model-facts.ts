/** What model.json says of the model, as name and text; empty for a run of version 0.1, which has no such file. */
export function modelFacts(model: Readonly<Record<string, unknown>> | null): [name: string, value: string][] {
  if (model === null) return [];
  const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);
  const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> =>
    typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  const [license, loaded] = [fieldsOf(model.license), fieldsOf(model.loaded)];
  const repository = text(loaded.repository);
  const commit = text(loaded.commit);
  const from =
    repository === undefined ? text(loaded.path) : `${repository}${commit === undefined ? '' : ` at ${commit}`}`;
  const id = text(license.id);
  const restriction = text(license.restriction);
  const facts: [string, string | undefined][] = [
    ['Model', text(model.name)],
    ['Architecture', text(model.architecture)],
    ['Pretrained on', text(model.pretraining)],
    ['Weights', from],
    ['Licence of the weights', id === undefined || restriction === undefined ? id : `${id}: ${restriction}`],
  ];
  return facts.filter((fact): fact is [string, string] => fact[1] !== undefined);
}
