import swagger from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { AnyRoute } from '../kernel/index.ts';
import { problemSchema } from './problem.ts';

/** Collects the document while routes are registered; serve it with {@link openApiDocument}. */
export async function registerOpenApi(app: FastifyInstance, publicUrl: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Gatehouse',
        version: '1',
        description:
          'Compliance and security control plane. Errors are RFC 9457 problem documents with a stable code.',
      },
      servers: [{ url: publicUrl }],
      components: {
        securitySchemes: {
          session: {
            type: 'apiKey',
            in: 'cookie',
            name: 'gatehouse',
            description: 'Console session; writes also need x-csrf-token',
          },
          bearer: {
            type: 'http',
            scheme: 'bearer',
            bearerFormat: 'JWT',
            description: 'RFC 9068 access token',
          },
        },
        schemas: { Problem: toSchema(problemSchema) },
      },
    },
    transform: ({ schema, url, route }) => {
      const table = route.config?.route;
      return {
        url,
        schema: table === undefined ? { hide: true } : { ...(schema ?? {}), ...describeRoute(table) },
      };
    },
  });
}

/** The OpenAPI 3.1 document of everything registered; call after `app.ready()`. */
export function openApiDocument(app: FastifyInstance): Record<string, unknown> {
  return app.swagger() as unknown as Record<string, unknown>; // the plugin types it as OpenAPI 2 or 3
}

type JsonSchema = Record<string, unknown>;

function toSchema(schema: z.ZodType, io: 'input' | 'output' = 'output'): JsonSchema {
  const {
    $schema: _dialect,
    id: _id,
    ...rest
  } = z.toJSONSchema(schema, { io, unrepresentable: 'any', target: 'draft-2020-12' }) as JsonSchema;
  return rest;
}

function describeRoute(route: AnyRoute): JsonSchema {
  const tag = route.path.split('/').find((part) => part !== '' && part !== 'v1') ?? 'server';
  const { params, query, body } = route.request;
  return {
    operationId: route.operationId,
    summary: route.summary,
    tags: [tag],
    security: route.security.kind === 'public' ? [] : [{ session: [] }, { bearer: [] }],
    ...(params === undefined ? {} : { params: toSchema(params, 'input') }),
    ...(query === undefined ? {} : { querystring: withProperties(toSchema(query, 'input')) }),
    ...(body === undefined ? {} : { body: toSchema(body, 'input') }),
    response: describeResponses(route),
  };
}

/** A query of free names has no properties, which the document's generator would take for names themselves. */
function withProperties(schema: JsonSchema): JsonSchema {
  return 'properties' in schema ? schema : { type: 'object', properties: {} };
}

/** A media type without its parameters. */
const bare = (contentType: string): string => contentType.split(';')[0] ?? contentType;

function describeResponses(route: AnyRoute): JsonSchema {
  const responses: JsonSchema = {};
  for (const [status, response] of Object.entries(route.responses)) {
    const contentType =
      response.contentType ?? (response.schema === undefined ? undefined : 'application/json');
    const schema = response.schema === undefined ? { type: 'string' } : toSchema(response.schema);
    const { textType } = response;
    const content = {
      ...(contentType === undefined ? {} : { [bare(contentType)]: { schema } }),
      ...(textType === undefined ? {} : { [bare(textType)]: { schema: { type: 'string' } } }),
    };
    responses[status] = {
      description: response.description,
      ...(Object.keys(content).length === 0 ? { type: 'null' } : { content }),
    };
  }
  responses['default'] = {
    description: 'Problem details',
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  };
  return responses;
}
