import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The parts of JSON Schema 2020-12 that our OpenAPI file uses. */
type Schema = {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  readonly prefixItems?: readonly Schema[];
};
type Media = { readonly content?: Readonly<Record<string, { readonly schema?: Schema }>> };
type Parameter = {
  readonly in: string;
  readonly name: string;
  readonly required?: boolean;
  readonly schema?: Schema;
};
type Operation = {
  readonly operationId?: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: Media;
  readonly responses?: Readonly<Record<string, Media>>;
};
type Document = {
  readonly paths?: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components?: { readonly schemas?: Readonly<Record<string, Schema>> };
};

const methods = ['get', 'post', 'put', 'patch', 'delete'];
const property = (name: string): string => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name));
const typeName = (name: string): string =>
  `${name.slice(0, 1).toUpperCase()}${name.slice(1)}`.replace(/\W/g, '_');
const union = (parts: readonly string[]): string => [...new Set(parts)].join(' | ') || 'never';

/** A schema as a TypeScript type. */
export function typeOf(schema: Schema | undefined): string {
  if (typeof schema !== 'object') return 'unknown';
  if (schema.$ref !== undefined) return typeName(schema.$ref.split('/').at(-1) ?? 'unknown');
  if ('const' in schema) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return union(schema.enum.map((value) => JSON.stringify(value)));
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices !== undefined) return union(choices.map(typeOf));
  if (schema.allOf !== undefined) return schema.allOf.map((part) => `(${typeOf(part)})`).join(' & ');
  const types = [schema.type ?? []].flat();
  return types.length === 0 ? 'unknown' : union(types.map((type) => plainType(type, schema)));
}

function plainType(type: string, schema: Schema): string {
  switch (type) {
    case 'integer':
    case 'number':
      return 'number';
    case 'array':
      return arrayType(schema);
    case 'object':
      return objectType(schema);
    default:
      return type;
  }
}

function arrayType(schema: Schema): string {
  if (schema.prefixItems !== undefined) return `[${schema.prefixItems.map(typeOf).join(', ')}]`;
  return `(${typeOf(schema.items)})[]`;
}

function objectType(schema: Schema): string {
  const required = new Set(schema.required ?? []);
  const fields = Object.entries(schema.properties ?? {}).map(
    ([name, value]) => `${property(name)}${required.has(name) ? '' : '?'}: ${typeOf(value)}`,
  );
  if (fields.length > 0) return `{ ${fields.join('; ')} }`;
  const rest = schema.additionalProperties;
  return `Record<string, ${typeof rest === 'object' ? typeOf(rest) : 'unknown'}>`;
}

function jsonOf(media: Media | undefined): Schema | undefined {
  return Object.entries(media?.content ?? {}).find(([type]) => type === 'application/json')?.[1].schema;
}

/** Types of one operation: its query, its body and its successful answer. */
function operationTypes(operation: Operation): readonly string[] {
  const { operationId, parameters = [], requestBody, responses = {} } = operation;
  if (operationId === undefined) return [];
  const name = typeName(operationId);
  const query = parameters.filter((parameter) => parameter.in === 'query');
  const queryFields = query.map(
    (parameter) =>
      `${property(parameter.name)}${parameter.required === true ? '' : '?'}: ${typeOf(parameter.schema)}`,
  );
  const body = jsonOf(requestBody);
  const answers = Object.entries(responses)
    .filter(([status]) => status.startsWith('2'))
    .map(([, response]) => jsonOf(response))
    .filter((schema) => schema !== undefined);
  return [
    ...(queryFields.length === 0 ? [] : [`export type ${name}Query = { ${queryFields.join('; ')} };`]),
    ...(body === undefined ? [] : [`export type ${name}Body = ${typeOf(body)};`]),
    ...(answers.length === 0 ? [] : [`export type ${name}Answer = ${union(answers.map(typeOf))};`]),
  ];
}

/** The text of `src/generated/api.ts` for an OpenAPI 3.1 document. */
export function generateTypes(document: Document): string {
  // A schema that only points to its own name says nothing.
  const schemas = Object.entries(document.components?.schemas ?? {}).filter(
    ([name, schema]) => schema.$ref?.split('/').at(-1) !== name,
  );
  const operations = Object.values(document.paths ?? {}).flatMap((path) =>
    methods.flatMap((method) => (path[method] === undefined ? [] : operationTypes(path[method]))),
  );
  return [
    '// Written by console/generate-types.ts from docs/openapi.json. Do not edit.',
    ...schemas.map(([name, schema]) => `export type ${typeName(name)} = ${typeOf(schema)};`),
    ...operations.toSorted(),
    '',
  ].join('\n');
}

/** Where the types are written. */
export const generatedFile = join(import.meta.dirname, 'src', 'generated', 'api.ts');

if (import.meta.main) {
  const source = join(import.meta.dirname, '..', 'docs', 'openapi.json');
  const document = JSON.parse(await readFile(source, 'utf8')) as Document; // our own file
  await writeFile(generatedFile, generateTypes(document));
}
