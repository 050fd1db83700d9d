// A PKCS#11 library for tests that stands before a real one and misbehaves as the file beside it says
// (`<this library>.fault`): hang, slow, error <CKR in hex>, short, none.
#include <dlfcn.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#define CK_PTR *
#define CK_DEFINE_FUNCTION(returnType, name) returnType name
#define CK_DECLARE_FUNCTION(returnType, name) returnType name
#define CK_DECLARE_FUNCTION_POINTER(returnType, name) returnType(*name)
#define CK_CALLBACK_FUNCTION(returnType, name) returnType(*name)
#ifndef NULL_PTR
#define NULL_PTR 0
#endif
#include "pkcs11.h"

static CK_FUNCTION_LIST_PTR real;
static CK_FUNCTION_LIST list;

static std::string fault() {
  Dl_info here;
  if (dladdr(reinterpret_cast<void *>(&fault), &here) == 0) return "";
  FILE *file = fopen((std::string(here.dli_fname) + ".fault").c_str(), "r");
  if (file == nullptr) return "";
  char text[64] = {0};
  size_t length = fread(text, 1, sizeof(text) - 1, file);
  fclose(file);
  return std::string(text, length);
}

static CK_RV before() {
  while (fault() == "hang") usleep(10000);
  if (fault() == "slow") usleep(300000);
  if (fault().rfind("error ", 0) == 0) return strtoul(fault().c_str() + 6, nullptr, 16);
  return CKR_OK;
}

static CK_RV decryptInit(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key) {
  CK_RV answer = before();
  return answer == CKR_OK ? real->C_DecryptInit(session, mechanism, key) : answer;
}

static CK_RV decrypt(CK_SESSION_HANDLE session, CK_BYTE_PTR in, CK_ULONG length, CK_BYTE_PTR out, CK_ULONG_PTR outLength) {
  CK_RV answer = real->C_Decrypt(session, in, length, out, outLength);
  if (answer == CKR_OK && out != nullptr && fault() == "short") *outLength -= 1;
  return answer;
}

static CK_RV findObjects(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE_PTR found, CK_ULONG most, CK_ULONG_PTR count) {
  if (fault() != "none") return real->C_FindObjects(session, found, most, count);
  *count = 0;
  return CKR_OK;
}

extern "C" __attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR out) {
  void *library = dlopen(REAL_LIBRARY, RTLD_NOW);
  if (library == nullptr) return CKR_GENERAL_ERROR;
  auto get = reinterpret_cast<CK_RV (*)(CK_FUNCTION_LIST_PTR_PTR)>(dlsym(library, "C_GetFunctionList"));
  CK_RV answer = get(&real);
  if (answer != CKR_OK) return answer;
  list = *real;
  list.C_DecryptInit = decryptInit;
  list.C_Decrypt = decrypt;
  list.C_FindObjects = findObjects;
  *out = &list;
  return CKR_OK;
}
