#include "native.h"

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

char *twl_version(void) {
  char *v = getLeptonicaVersion();
  char *copy = strdup(v != NULL ? v : "leptonica");
  lept_free(v);
  return copy;
}
