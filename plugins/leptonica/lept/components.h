#ifndef TWINLEAF_LEPT_COMPONENTS_H
#define TWINLEAF_LEPT_COMPONENTS_H
#include <leptonica/allheaders.h>

/* tl_box is where a shape lies: its first and its last pixel in both directions. */
typedef struct { int x0, y0, x1, y1; } tl_box;

/* tl_components gives the boxes of the shapes of a 1-bit image whose pixels touch along
   sides or at corners, in the order of their first pixels from the upper left, and their
   number; the caller frees them. NULL: there is no memory for it. */
tl_box *tl_components(PIX *p, int *count);
#endif
