#ifndef TWINLEAF_TIFF_BRIDGE_H
#define TWINLEAF_TIFF_BRIDGE_H
#include <stdint.h>
#include <tiffio.h>

/* A file with the words of its last error. */
typedef struct {
	TIFF *tif;
	TIFFRGBAImage img;
	int has_img;
	int errors; /* messages of the error handler, those of damaged fax rows among them */
	char message[512];
} tl_tiff;

tl_tiff *tl_open(const char *path, int64_t max_alloc);
tl_tiff *tl_create(const char *path);
void tl_close(tl_tiff *t);
int tl_directory(tl_tiff *t, uint64_t at);
int tl_jpeg_as_rgb(tl_tiff *t);
int tl_scanline(tl_tiff *t, void *row, uint32_t y);
int tl_rgba_begin(tl_tiff *t);
int tl_rgba_rows(tl_tiff *t, uint32_t *raster, uint32_t y, uint32_t rows);
int tl_is_gray(tl_tiff *t);
int tl_start_g4(tl_tiff *t, uint32_t w, uint32_t h, double xdpi, double ydpi);
int tl_write(tl_tiff *t, void *row, uint32_t y);
int tl_finish(tl_tiff *t);
#endif
