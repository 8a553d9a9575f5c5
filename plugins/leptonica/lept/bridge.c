#include "bridge.h"
#include <ctype.h>
#include <malloc.h>
#include <string.h>

/* What leptonica last complained of, for each thread. */
static __thread char message[256];

static void keep(const char *text) {
	if (!message[0])
		strncpy(message, text, sizeof message - 1);
}

void tl_quiet(void) {
	setMsgSeverity(L_SEVERITY_ERROR);
	leptSetStderrHandler(keep);
}

/* Gray and colour pages are many megabytes. Left to itself the allocator soon takes them
   from its heap, where they leave holes: 57 MB of a process that needs 42, most of which
   is the model that knows how letters stand. */
void tl_give_back(void) { mallopt(M_MMAP_THRESHOLD, 4 << 20); }

const char *tl_message(void) { return message; }

void tl_forget(void) { message[0] = 0; }

/* read_pgm reads a raw 8-bit PGM a row at a time; leptonica takes it byte by byte
   and twenty times as long. Anything else in the file: NULL. */
static PIX *read_pgm(const char *path) {
	FILE *f = fopen(path, "rb");
	PIX *p = NULL;
	int w, h, max, y, ok = 0;
	if (!f)
		return NULL;
	if (fscanf(f, "P5 %d %d %d", &w, &h, &max) == 3 && max == 255 && w > 0 && h > 0 && isspace(fgetc(f)))
		p = pixCreateNoInit(w, h, 8);
	if (p) {
		l_uint32 *line = pixGetData(p);
		for (ok = 1, y = 0; ok && y < h; y++, line += pixGetWpl(p))
			ok = fread(line, 1, (size_t)w, f) == (size_t)w;
		if (ok)
			pixEndianByteSwap(p);
		else
			pixDestroy(&p);
	}
	fclose(f);
	return p;
}

/* tl_read reads the first image of a file. A JPEG comes in gray, with reduction 2,
   4 or 8 also smaller; other formats do not know reduction. */
PIX *tl_read(const char *path, int format, int reduction, int *warnings) {
	*warnings = 0;
	if (format == IFF_JFIF_JPEG)
		return pixReadJpeg(path, 0, reduction, warnings, L_JPEG_READ_LUMINANCE);
	if (format == IFF_PNM) {
		PIX *p = read_pgm(path);
		if (p)
			return p;
	}
	return pixRead(path);
}
