import { requirePrincipal, defineRoute, type AnyRoute, type HandlerInput } from '../kernel/index.ts';
import { openCall, type Call, type Operation } from './call.ts';
import { createRecord } from './create-record.ts';
import type { Parts } from './ports.ts';
import { getRecord, listRecords } from './read-records.ts';
import {
  collectionParams,
  listQuery,
  listResponse,
  recordBody,
  recordParams,
  recordQuery,
  recordResponse,
} from './schema.ts';
import { deleteRecord, updateRecord } from './update-record.ts';

// The door itself; what is behind it is decided per collection and operation by the handler.
const security = { kind: 'principal', action: 'gateway.read' } as const;
const problems = {
  400: { description: 'An unknown field, filter, sort or value; the message names it' },
  403: { description: 'Not permitted' },
  404: { description: 'No such collection or record' },
};
const writeProblems = {
  ...problems,
  409: { description: 'Suppressed, restricted, or in conflict with another record' },
  422: { description: 'Refers to nothing, or the Idempotency-Key was used for another request' },
};
const collectionPath = '/v1/data/{service}/{collection}';
const recordPath = `${collectionPath}/{id}`;
const bodyLimitBytes = 1_048_576;

type Input = Pick<
  HandlerInput<{ readonly service: string; readonly collection: string }, unknown, unknown>,
  'principal' | 'call' | 'headers' | 'params'
>;

/** The governed data API. */
export function createGatewayRoutes(parts: Parts): readonly AnyRoute[] {
  const open = async (input: Input, operation: Operation): Promise<Call> => {
    const { call, headers, params } = input;
    const principal = requirePrincipal(input.principal);
    const map = await parts.dataMap.current(principal.tenantId);
    const purpose = headers['gatehouse-purpose'];
    return openCall(
      { principal, context: call, map, service: params.service, collection: params.collection, purpose },
      operation,
    );
  };
  return Object.freeze([...readRoutes(parts, open), ...writeRoutes(parts, open)]);
}

type Open = (input: Input, operation: Operation) => Promise<Call>;

function readRoutes(parts: Parts, open: Open): readonly AnyRoute[] {
  const audit = { kind: 'event', actions: ['gateway.records_read', 'gateway.access_denied'] } as const;
  return [
    defineRoute({
      method: 'GET',
      path: collectionPath,
      operationId: 'listRecords',
      summary: 'Records of a data service that you may see, fields masked as your role demands',
      security,
      audit,
      request: { params: collectionParams, query: listQuery },
      responses: { 200: { description: 'A page', schema: listResponse }, ...problems },
      handler: async (input) => ({
        status: 200,
        body: await listRecords(parts, await open(input, 'read'), input.query),
      }),
    }),
    defineRoute({
      method: 'GET',
      path: recordPath,
      operationId: 'getRecord',
      summary: 'One record of a data service',
      security,
      audit,
      request: { params: recordParams, query: recordQuery },
      responses: { 200: { description: 'The record', schema: recordResponse }, ...problems },
      handler: async (input) => ({
        status: 200,
        body: await getRecord(parts, await open(input, 'read'), input.params.id, input.query.fields),
      }),
    }),
  ];
}

function writeRoutes(parts: Parts, open: Open): readonly AnyRoute[] {
  const audit = (action: string) => ({ kind: 'event', actions: [action, 'gateway.access_denied'] }) as const;
  return [
    defineRoute({
      method: 'POST',
      path: collectionPath,
      operationId: 'createRecord',
      summary: 'Create a record; send Idempotency-Key to be able to repeat the call safely',
      security,
      audit: audit('gateway.record_created'),
      request: { params: collectionParams, body: recordBody, bodyLimitBytes },
      responses: {
        201: { description: 'Created, or created before by the same key', schema: recordResponse },
        ...writeProblems,
      },
      handler: async (input) => {
        const call = await open(input, 'create');
        const created = await createRecord(parts, call, input.body, input.idempotencyKey);
        const location = `/v1/data/${input.params.service}/${input.params.collection}/${encodeURIComponent(created.id)}`;
        const replayed = created.replayed ? { 'idempotency-replayed': 'true' } : {};
        return { status: 201, body: created.body, headers: { location, ...replayed } };
      },
    }),
    defineRoute({
      method: 'PATCH',
      path: recordPath,
      operationId: 'updateRecord',
      summary: 'Replace fields of a record',
      security,
      audit: audit('gateway.record_updated'),
      request: { params: recordParams, body: recordBody, bodyLimitBytes },
      responses: {
        200: { description: 'The record as you may read it', schema: recordResponse },
        ...writeProblems,
      },
      handler: async (input) => ({
        status: 200,
        body: await updateRecord(parts, await open(input, 'update'), input.params.id, input.body),
      }),
    }),
    defineRoute({
      method: 'DELETE',
      path: recordPath,
      operationId: 'deleteRecord',
      summary: 'Delete a record',
      security,
      audit: audit('gateway.record_deleted'),
      request: { params: recordParams },
      responses: { 204: { description: 'Deleted' }, ...writeProblems },
      handler: async (input) => {
        await deleteRecord(parts, await open(input, 'delete'), input.params.id);
        return { status: 204 };
      },
    }),
  ];
}
