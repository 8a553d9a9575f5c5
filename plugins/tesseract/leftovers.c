#define _GNU_SOURCE
#include "leftovers.h"

#include <dlfcn.h>
#include <stddef.h>
#include <tesseract/capi.h>

// TessBaseAPI::GetHOCRText(int) as the C++ compiler names it.
#define GET_HOCR_TEXT "_ZN9tesseract11TessBaseAPI11GetHOCRTextEi"

static TessBaseAPI *engine = NULL;
static char *answer = NULL;
static long given_back = 0;

char *get_hocr_text(TessBaseAPI *self, int page) __asm__(GET_HOCR_TEXT);

// get_hocr_text stands before the engine's function of that name and remembers the answer,
// which gosseract copies and never frees.
char *get_hocr_text(TessBaseAPI *self, int page) {
  char *(*real)(TessBaseAPI *, int) = (char *(*)(TessBaseAPI *, int))dlsym(RTLD_NEXT, GET_HOCR_TEXT);
  engine = self;
  answer = real != NULL ? real(self, page) : NULL;
  return answer;
}

void twl_let_go(void) {
  if (engine == NULL) return;
  if (answer != NULL) {
    TessDeleteText(answer);
    given_back++;
  }
  TessBaseAPIClear(engine);
  engine = NULL;
  answer = NULL;
}

long twl_let_go_of(void) { return given_back; }
