/** A rule that a role can be told to break, so that a test can show that the scenarios naming the rule notice. */
export interface Plant {
  readonly name: string;
  /** The rule it breaks, as scenarios name it. */
  readonly rule: string;
  /** What the role then does. */
  readonly breaks: string;
  /** Public reports of implementations that did it: `Leshan#80`. */
  readonly field?: readonly string[];
}

export class UnknownPlantError extends RangeError {
  override readonly name = "UnknownPlantError";

  constructor(
    readonly plant: string,
    known: Iterable<string>,
  ) {
    super(`unknown planted fault "${plant}"; known are ${[...known].join(", ")}`);
  }
}

/** Those of a role's plants that `names` chooses. Throws `UnknownPlantError`. */
export function chosenPlants<Name extends string>(plants: readonly (Plant & { readonly name: Name })[], names: readonly string[]): ReadonlySet<Name> {
  const known = new Map<string, Name>(plants.map(({ name }) => [name, name]));
  const chosen = new Set<Name>();
  for (const name of names) {
    const plant = known.get(name);
    if (plant === undefined) throw new UnknownPlantError(name, known.keys());
    chosen.add(plant);
  }
  return chosen;
}
