#define _GNU_SOURCE
#include "memory.h"

#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>

// The allocator reads this when the process starts. One arena, for the engine runs on one
// thread. Addresses are given back with the memory behind them, for the sandbox's limit
// counts them.
const char *malloc_conf = "narenas:1,retain:false";

// jemalloc's mallctl, NULL if another allocator is there.
typedef int (*mallctl_t)(const char *, void *, size_t *, void *, size_t);

static mallctl_t controls(void) { return (mallctl_t)dlsym(RTLD_DEFAULT, "mallctl"); }

// ask reads one of jemalloc's values, 0 if there is no such value.
static int ask(const char *name, void *value, size_t size) {
  mallctl_t control = controls();
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

void twl_purge(void) {
  mallctl_t control = controls();
  if (control != NULL) control("arena.0.purge", NULL, NULL, NULL, 0);
}

size_t twl_unused(void) {
  mallctl_t control = controls();
  uint64_t epoch = 1;
  size_t pages = 0, page = 0;
  // Its figures are those of the last time that the epoch was set.
  if (control == NULL || control("epoch", NULL, NULL, &epoch, sizeof epoch) != 0) return 0;
  return ask("stats.arenas.0.pdirty", &pages, sizeof pages) && ask("arenas.page", &page, sizeof page) ? pages * page : 0;
}
