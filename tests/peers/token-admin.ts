import pkcs11js from 'pkcs11js';

/**
 * What the owner of a token does beside the house, in a process of its own:
 * `token-admin.ts LIBRARY TOKEN PIN allow|forbid|count|make|raw LABEL`.
 */
const [library = '', token = '', pin = '', action = '', label = ''] = process.argv.slice(2);
const pkcs11 = new pkcs11js.PKCS11();
pkcs11.load(library);
pkcs11.C_Initialize();
const slot = pkcs11
  .C_GetSlotList(true)
  .find((candidate) => pkcs11.C_GetTokenInfo(candidate).label.trim() === token);
if (slot === undefined) throw new Error(`no token "${token}"`);
const session = pkcs11.C_OpenSession(slot, pkcs11js.CKF_SERIAL_SESSION | pkcs11js.CKF_RW_SESSION);
pkcs11.C_Login(session, pkcs11js.CKU_USER, pin);

function secretKeys(): Buffer[] {
  const found: Buffer[] = [];
  const template = [
    { type: pkcs11js.CKA_CLASS, value: pkcs11js.CKO_SECRET_KEY },
    ...(label === '' ? [] : [{ type: pkcs11js.CKA_LABEL, value: label }]),
  ];
  pkcs11.C_FindObjectsInit(session, template);
  for (
    let next = pkcs11.C_FindObjects(session, 64);
    next.length > 0;
    next = pkcs11.C_FindObjects(session, 64)
  )
    found.push(...next);
  pkcs11.C_FindObjectsFinal(session);
  return found;
}

function isReadable(key: Buffer): boolean {
  try {
    pkcs11.C_GetAttributeValue(session, key, [{ type: pkcs11js.CKA_VALUE }]);
    return true;
  } catch {
    return false; // CKR_ATTRIBUTE_SENSITIVE
  }
}

switch (action) {
  case 'allow':
  case 'forbid':
    for (const key of secretKeys())
      pkcs11.C_SetAttributeValue(session, key, [{ type: pkcs11js.CKA_DECRYPT, value: action === 'allow' }]);
    break;
  case 'count':
    process.stdout.write(
      JSON.stringify({ keys: secretKeys().length, readable: secretKeys().filter(isReadable).length }),
    );
    break;
  case 'make':
    pkcs11.C_GenerateKey(session, { mechanism: pkcs11js.CKM_AES_KEY_GEN }, [
      { type: pkcs11js.CKA_VALUE_LEN, value: 32 },
      { type: pkcs11js.CKA_LABEL, value: label },
      { type: pkcs11js.CKA_ID, value: Buffer.alloc(16, 1) },
      { type: pkcs11js.CKA_TOKEN, value: true },
      { type: pkcs11js.CKA_EXTRACTABLE, value: true },
      { type: pkcs11js.CKA_SENSITIVE, value: false },
      { type: pkcs11js.CKA_ENCRYPT, value: true },
      { type: pkcs11js.CKA_DECRYPT, value: true },
    ]);
    break;
  default:
    throw new Error(`unknown action "${action}"`);
}
pkcs11.C_Finalize();
