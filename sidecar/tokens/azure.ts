/** Tokens of Entra ID for Azure OpenAI: for a secret of an application, or for a Kubernetes identity that it trusts. */
import type { Minted, MintRequest } from './mint.ts';
import {
  expiry,
  FORM_HEADERS,
  form,
  MintError,
  minted,
  readAnswer,
  readToken,
  type TokenIO,
  text,
} from './token-io.ts';

const SCOPE = 'https://cognitiveservices.azure.com/.default';
/** Its own authority, unless the environment names that of a sovereign cloud. */
const AUTHORITY = 'https://login.microsoftonline.com';

export function azureFromClient(
  { tenantId, clientId, secret }: MintRequest & { kind: 'AzureClient' },
  io: TokenIO,
): Promise<Minted> {
  return ask(tenantId, { client_id: clientId, client_secret: secret }, io);
}

export async function azureFromWorkload(
  request: MintRequest & { kind: 'AzureWorkloadIdentity' },
  io: TokenIO,
): Promise<Minted> {
  const tenantId = request.tenantId ?? io.env('AZURE_TENANT_ID');
  const clientId = request.clientId ?? io.env('AZURE_CLIENT_ID');
  if (tenantId === undefined || clientId === undefined)
    throw new MintError('tenant and client are named neither by the credential nor by the environment');
  const assertion = await readToken(io, 'AZURE_FEDERATED_TOKEN_FILE');
  return ask(
    tenantId,
    {
      client_id: clientId,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: assertion,
    },
    io,
  );
}

async function ask(tenantId: string, proof: Record<string, string>, io: TokenIO): Promise<Minted> {
  const authority = (io.env('AZURE_AUTHORITY_HOST') ?? AUTHORITY).replace(/\/+$/, '');
  const host = authority.replace(/^https:\/\//, '');
  const answer = await io.call({
    method: 'POST',
    url: `${authority}/${encodeURIComponent(tenantId)}/oauth2/v2.0/token`,
    headers: FORM_HEADERS,
    body: form({ grant_type: 'client_credentials', scope: SCOPE, ...proof }),
  });
  const value = readAnswer(host, answer);
  return minted(host, text(value.access_token), expiry(value.expires_in, io.now()));
}
