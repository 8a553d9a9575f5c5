#ifndef TWINLEAF_LEPT_BRIDGE_H
#define TWINLEAF_LEPT_BRIDGE_H
#include <leptonica/allheaders.h>

void tl_quiet(void);
void tl_give_back(void);
const char *tl_message(void);
void tl_forget(void);
PIX *tl_read(const char *path, int format, int reduction, int *warnings);
#endif
