#define _GNU_SOURCE
#include "memory.h"

#include <dlfcn.h>
#include <stddef.h>

// The allocator reads this when the process starts. One arena, for the engine runs on one
// thread. Addresses are given back with the memory behind them, for the sandbox's limit
// counts them.
const char *malloc_conf = "narenas:1,retain:false";

// ask reads one of jemalloc's values, 0 if there is no such value.
static int ask(const char *name, void *value, size_t size) {
  int (*control)(const char *, void *, size_t *, void *, size_t) =
      (int (*)(const char *, void *, size_t *, void *, size_t))dlsym(RTLD_DEFAULT, "mallctl");
  return control != NULL && control(name, value, &size, NULL, 0) == 0;
}

const char *twl_allocator(void) {
  const char *version = "";
  return ask("version", &version, sizeof version) ? version : "";
}

unsigned twl_arenas(void) {
  unsigned n = 0;
  return ask("opt.narenas", &n, sizeof n) ? n : 0;
}
