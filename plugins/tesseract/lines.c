#define _GNU_SOURCE
#include "lines.h"

#include <dlfcn.h>
#include <leptonica/allheaders.h>

static long kept = 0;

// pixWriteMem stands before leptonica's function of that name for everything in the
// process. The engine keeps each line of a page as PNG between finding it and reading it, and
// to compress and unpack those costs some 7 % of all its time. They get leptonica's own
// form instead, of the same pixels: pixReadMem tells the forms apart by themselves.
l_int32 pixWriteMem(l_uint8 **data, size_t *size, PIX *pix, l_int32 format) {
  if (format == IFF_PNG) {
    __atomic_add_fetch(&kept, 1, __ATOMIC_RELAXED);
    return pixWriteMemSpix(data, size, pix);
  }
  l_int32 (*real)(l_uint8 **, size_t *, PIX *, l_int32) =
      (l_int32(*)(l_uint8 **, size_t *, PIX *, l_int32))dlsym(RTLD_NEXT, "pixWriteMem");
  return real != NULL ? real(data, size, pix, format) : 1;
}

long twl_lines(void) { return __atomic_load_n(&kept, __ATOMIC_RELAXED); }
