#include "bridge.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int on_error(TIFF *tif, void *user, const char *module, const char *format, va_list args) {
	tl_tiff *t = user;
	(void)tif;
	(void)module;
	if (t->errors++ == 0)
		vsnprintf(t->message, sizeof t->message, format, args);
	return 1;
}

static int on_warning(TIFF *tif, void *user, const char *module, const char *format, va_list args) {
	(void)tif, (void)user, (void)module, (void)format, (void)args;
	return 1;
}

static tl_tiff *open_mode(const char *path, const char *mode, int64_t max_alloc) {
	tl_tiff *t = calloc(1, sizeof *t);
	TIFFOpenOptions *o;
	if (!t)
		return NULL;
	o = TIFFOpenOptionsAlloc();
	if (o) {
		TIFFOpenOptionsSetErrorHandlerExtR(o, on_error, t);
		TIFFOpenOptionsSetWarningHandlerExtR(o, on_warning, t);
		if (max_alloc > 0)
			TIFFOpenOptionsSetMaxSingleMemAlloc(o, (tmsize_t)max_alloc);
		t->tif = TIFFOpenExt(path, mode, o);
		TIFFOpenOptionsFree(o);
	}
	return t;
}

/* Only the header is read here (h): the directory that is wanted may not be the
   first. No memory mapping (m). */
tl_tiff *tl_open(const char *path, int64_t max_alloc) { return open_mode(path, "rhm", max_alloc); }

tl_tiff *tl_create(const char *path) { return open_mode(path, "wl", 0); }

void tl_close(tl_tiff *t) {
	if (t->has_img)
		TIFFRGBAImageEnd(&t->img);
	if (t->tif)
		TIFFClose(t->tif);
	free(t);
}

int tl_directory(tl_tiff *t, uint64_t at) { return TIFFSetSubDirectory(t->tif, at); }

int tl_jpeg_as_rgb(tl_tiff *t) { return TIFFSetField(t->tif, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB); }

int tl_scanline(tl_tiff *t, void *row, uint32_t y) { return TIFFReadScanline(t->tif, row, y, 0) >= 0; }

int tl_rgba_begin(tl_tiff *t) {
	char why[1024] = "";
	if (!TIFFRGBAImageBegin(&t->img, t->tif, 1, why)) {
		if (t->errors++ == 0)
			snprintf(t->message, sizeof t->message, "%s", why);
		return 0;
	}
	t->has_img = 1;
	/* rows in the order in which they are stored: turning is done elsewhere */
	t->img.orientation = ORIENTATION_TOPLEFT;
	t->img.req_orientation = ORIENTATION_TOPLEFT;
	return 1;
}

int tl_rgba_rows(tl_tiff *t, uint32_t *raster, uint32_t y, uint32_t rows) {
	t->img.row_offset = (int)y;
	t->img.col_offset = 0;
	return TIFFRGBAImageGet(&t->img, raster, t->img.width, rows);
}

/* tl_is_gray reports whether a palette holds nothing but shades of gray. */
int tl_is_gray(tl_tiff *t) {
	uint16_t bits = 0, *r, *g, *b;
	uint32_t i;
	TIFFGetFieldDefaulted(t->tif, TIFFTAG_BITSPERSAMPLE, &bits);
	if (bits > 8 || !TIFFGetField(t->tif, TIFFTAG_COLORMAP, &r, &g, &b))
		return 0;
	for (i = 0; i < 1u << bits; i++)
		if (r[i] != g[i] || g[i] != b[i])
			return 0;
	return 1;
}

int tl_start_g4(tl_tiff *t, uint32_t w, uint32_t h, double xdpi, double ydpi) {
	return TIFFSetField(t->tif, TIFFTAG_IMAGEWIDTH, w) && TIFFSetField(t->tif, TIFFTAG_IMAGELENGTH, h) &&
	       TIFFSetField(t->tif, TIFFTAG_BITSPERSAMPLE, 1) && TIFFSetField(t->tif, TIFFTAG_SAMPLESPERPIXEL, 1) &&
	       TIFFSetField(t->tif, TIFFTAG_COMPRESSION, COMPRESSION_CCITTFAX4) &&
	       TIFFSetField(t->tif, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISWHITE) &&
	       TIFFSetField(t->tif, TIFFTAG_FILLORDER, FILLORDER_MSB2LSB) &&
	       TIFFSetField(t->tif, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG) &&
	       TIFFSetField(t->tif, TIFFTAG_ROWSPERSTRIP, h) && TIFFSetField(t->tif, TIFFTAG_RESOLUTIONUNIT, RESUNIT_INCH) &&
	       TIFFSetField(t->tif, TIFFTAG_XRESOLUTION, xdpi) && TIFFSetField(t->tif, TIFFTAG_YRESOLUTION, ydpi);
}

int tl_write(tl_tiff *t, void *row, uint32_t y) { return TIFFWriteScanline(t->tif, row, y, 0) >= 0; }

int tl_finish(tl_tiff *t) { return TIFFFlush(t->tif) && t->errors == 0; }
