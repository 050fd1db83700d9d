import { gunzipSync } from 'node:zlib';

type Attribute = {
  readonly type: string;
  readonly requirement: 'required' | 'recommended' | 'optional';
  readonly is_array: boolean;
  readonly enum: Readonly<Record<string, unknown>> | null;
  readonly profile: string | null;
};
type Shape = {
  readonly uid?: number;
  readonly attributes: Readonly<Record<string, Attribute>>;
  readonly constraints: {
    readonly at_least_one?: readonly string[];
    readonly just_one?: readonly string[];
  } | null;
};
type Schema = {
  readonly version: string;
  readonly classes: Readonly<Record<string, Shape>>;
  readonly objects: Readonly<Record<string, Shape>>;
  readonly types: Readonly<
    Record<
      string,
      { readonly type: string | null; readonly regex: string | null; readonly max_len: number | null }
    >
  >;
};

/** @returns what does not fit the published schema, each with its path; empty when all of it does */
export type OcsfValidator = (event: Readonly<Record<string, unknown>>) => readonly string[];

/** Attributes that stand as required everywhere but belong to a profile (shared/notes/lanes.md). */
const ofProfilesOnly: Readonly<Record<string, string>> = { cloud: 'cloud', osint: 'osint' };

/** @param zipped - the compiled schema in OCSF's own attribute form, gzipped JSON */
export function createOcsfValidator(zipped: Buffer): OcsfValidator {
  const schema = JSON.parse(gunzipSync(zipped).toString('utf8')) as Schema; // a published file; its version is checked by the test
  const byUid = new Map(Object.values(schema.classes).map((shape) => [shape.uid, shape]));
  return (event) => {
    const shape = byUid.get(event['class_uid'] as number | undefined); // undefined is no class
    if (shape === undefined) return [`class_uid ${String(event['class_uid'])} is no class`];
    const metadata = event['metadata'] as { profiles?: readonly string[] } | undefined; // checked as an object below
    return checkShape({ schema, profiles: metadata?.profiles ?? [] }, shape, event, '');
  };
}

type Context = { readonly schema: Schema; readonly profiles: readonly string[] };

function checkShape(
  context: Context,
  shape: Shape,
  value: Readonly<Record<string, unknown>>,
  path: string,
): readonly string[] {
  const problems: string[] = [];
  for (const [name, attribute] of Object.entries(shape.attributes)) {
    const profile = ofProfilesOnly[name];
    const applies = profile === undefined || context.profiles.includes(profile);
    if (attribute.requirement === 'required' && applies && value[name] === undefined)
      problems.push(`${path}${name} is required`);
  }
  for (const [name, item] of Object.entries(value)) {
    const attribute = shape.attributes[name];
    if (attribute === undefined) problems.push(`${path}${name} is no attribute here`);
    else problems.push(...checkAttribute(context, attribute, item, `${path}${name}`));
  }
  const { at_least_one: some, just_one: one } = shape.constraints ?? {};
  if (some !== undefined && !some.some((name) => value[name] !== undefined))
    problems.push(`${path} needs one of ${some.join(', ')}`);
  if (one !== undefined && one.filter((name) => value[name] !== undefined).length !== 1)
    problems.push(`${path} needs just one of ${one.join(', ')}`);
  return problems;
}

function checkAttribute(
  context: Context,
  attribute: Attribute,
  value: unknown,
  path: string,
): readonly string[] {
  if (attribute.is_array) {
    if (!Array.isArray(value)) return [`${path} is no array`];
    return value.flatMap((item, at) => checkOne(context, attribute, item, `${path}[${at}]`));
  }
  return checkOne(context, attribute, value, path);
}

function checkOne(context: Context, attribute: Attribute, value: unknown, path: string): readonly string[] {
  if (attribute.enum !== null && !(String(value) in attribute.enum))
    return [`${path} = ${String(value)} is not in its enum`];
  if (attribute.type in context.schema.types) return checkScalar(context, attribute.type, value, path);
  const shape = context.schema.objects[attribute.type];
  if (typeof value !== 'object' || value === null) return [`${path} is no object`];
  if (shape === undefined || attribute.type === 'object') return [];
  return checkShape(context, shape, value as Readonly<Record<string, unknown>>, `${path}.`); // an object, as seen above
}

function checkScalar({ schema }: Context, name: string, value: unknown, path: string): readonly string[] {
  const type = schema.types[name];
  const base = type?.type ?? name;
  if (base === 'boolean_t') return typeof value === 'boolean' ? [] : [`${path} is no boolean`];
  if (base === 'integer_t') return isInteger(value, 2 ** 31) ? [] : [`${path} is no 32-bit integer`];
  if (base === 'long_t') return isInteger(value, 2 ** 53) ? [] : [`${path} is no integer`];
  if (base === 'float_t') return typeof value === 'number' ? [] : [`${path} is no number`];
  if (base === 'json_t' || name === 'json_t') return [];
  if (typeof value !== 'string') return [`${path} is no text`];
  if (type?.max_len != null && value.length > type.max_len) return [`${path} is longer than ${type.max_len}`];
  if (type?.regex != null && !new RegExp(type.regex).test(value))
    return [`${path} does not look like ${name}`];
  return [];
}

const isInteger = (value: unknown, limit: number): boolean =>
  Number.isInteger(value) && Math.abs(value as number) < limit; // an integer is a number
