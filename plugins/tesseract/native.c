#define _GNU_SOURCE
#include "native.h"

#include <dlfcn.h>
#include <leptonica/allheaders.h>
#include <omp.h>
#include <string.h>

enum { message_size = 256 };

static char first_message[message_size];
static char taken_message[message_size];

static void catch_message(const char *text) {
  if (first_message[0] != 0) return;
  strncpy(first_message, text, message_size - 1);
  size_t n = strcspn(first_message, "\r\n");
  first_message[n] = 0;
}

void twl_catch_messages(void) { leptSetStderrHandler(catch_message); }

const char *twl_take_messages(void) {
  memcpy(taken_message, first_message, message_size);
  first_message[0] = 0;
  return taken_message;
}

int twl_size(const char *path, int *width, int *height) {
  l_int32 format = 0, w = 0, h = 0, bits = 0, samples = 0, colormap = 0;
  if (pixReadHeader(path, &format, &w, &h, &bits, &samples, &colormap) != 0) return 1;
  *width = w;
  *height = h;
  return 0;
}

void twl_measure(void *pix, int *width, int *height, int *dpi) {
  *width = pixGetWidth(pix);
  *height = pixGetHeight(pix);
  *dpi = pixGetYRes(pix);
}

void twl_one_thread(void) { omp_set_max_active_levels(0); }

void twl_forget_packs(void) {
  void (*clear)(void *) = (void (*)(void *))dlsym(RTLD_DEFAULT, "TessBaseAPIClearPersistentCache");
  if (clear != NULL) clear(NULL);
}

char *twl_version(void) {
  char *v = getLeptonicaVersion();
  char *copy = strdup(v != NULL ? v : "leptonica");
  lept_free(v);
  return copy;
}

char *twl_image_libraries(void) {
  char *v = getImagelibVersions();
  char *copy = strdup(v != NULL ? v : "");
  lept_free(v);
  return copy;
}

// The engine keeps its choices in two variables of C++ that some builds export: a
// pointer to the function that multiplies vectors, and one to the table of functions
// for matrices. Comparing them with what they may point to tells the choice. Numbers
// are float in most builds and double in some, hence two names for each function.

struct choice {
  const char *name;
  const char *symbol[2];
};

static const char *chosen(const char *variable, const struct choice *choices, size_t n) {
  void **at = dlsym(RTLD_DEFAULT, variable);
  if (at == NULL) return "";
  if (*at == NULL) return "generic";
  for (size_t i = 0; i < n; i++) {
    for (int j = 0; j < 2; j++) {
      const char *symbol = choices[i].symbol[j];
      if (symbol != NULL && dlsym(RTLD_DEFAULT, symbol) == *at) return choices[i].name;
    }
  }
  return "other";
}

#define DOT(name, mangled) {name, {mangled "EPKfS1_i", mangled "EPKdS1_i"}}
#define MATRIX(name, mangled) {name, {mangled, NULL}}

const char *twl_dot_product(void) {
  static const struct choice choices[] = {
      DOT("avx512f", "_ZN9tesseract17DotProductAVX512F"), DOT("fma", "_ZN9tesseract13DotProductFMA"),
      DOT("avx", "_ZN9tesseract13DotProductAVX"),         DOT("sse", "_ZN9tesseract13DotProductSSE"),
      DOT("neon", "_ZN9tesseract14DotProductNEON"),       DOT("native", "_ZN9tesseract16DotProductNative"),
  };
  return chosen("_ZN9tesseract10DotProductE", choices, sizeof choices / sizeof *choices);
}

const char *twl_matrix(void) {
  static const struct choice choices[] = {
      MATRIX("avx512vnni", "_ZN9tesseract13IntSimdMatrix23intSimdMatrixAVX512VNNIE"),
      MATRIX("avx2", "_ZN9tesseract13IntSimdMatrix17intSimdMatrixAVX2E"),
      MATRIX("sse", "_ZN9tesseract13IntSimdMatrix16intSimdMatrixSSEE"),
      MATRIX("neon", "_ZN9tesseract13IntSimdMatrix17intSimdMatrixNEONE"),
      MATRIX("rvv", "_ZN9tesseract13IntSimdMatrix16intSimdMatrixRVVE"),
  };
  return chosen("_ZN9tesseract13IntSimdMatrix13intSimdMatrixE", choices, sizeof choices / sizeof *choices);
}
