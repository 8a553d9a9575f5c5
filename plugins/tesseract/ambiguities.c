#define _GNU_SOURCE
#include "ambiguities.h"

#include <dlfcn.h>

// UnicharAmbigs::LoadUniversal(const UNICHARSET &, UNICHARSET *) as the C++ compiler names it.
#define LOAD_UNIVERSAL "_ZN9tesseract13UnicharAmbigs13LoadUniversalERKNS_10UNICHARSETEPS1_"

static int wanted = 1;
static long unloaded = 0;

void load_universal(void *self, const void *encoder, void *unicharset) __asm__(LOAD_UNIVERSAL);

// load_universal stands before the engine's function of that name. The engine fills its
// table of characters that are easily confused, and makes room for each of them in what its
// old recognizer learns, whether that recognizer is there or not; the neural network
// never looks at any of it. Without both a process holds 8.5 MB less, and the engine
// is ready in a third of the time.
void load_universal(void *self, const void *encoder, void *unicharset) {
  if (!__atomic_load_n(&wanted, __ATOMIC_RELAXED)) {
    __atomic_add_fetch(&unloaded, 1, __ATOMIC_RELAXED);
    return;
  }
  void (*real)(void *, const void *, void *) = (void (*)(void *, const void *, void *))dlsym(RTLD_NEXT, LOAD_UNIVERSAL);
  if (real != 0) {
    real(self, encoder, unicharset);
  }
}

void twl_ambiguities(int w) { __atomic_store_n(&wanted, w, __ATOMIC_RELAXED); }

long twl_unloaded(void) { return __atomic_load_n(&unloaded, __ATOMIC_RELAXED); }
