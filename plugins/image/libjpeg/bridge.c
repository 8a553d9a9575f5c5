#include "bridge.h"
#include <stdlib.h>
#include <string.h>

#include <jerror.h>

/* More scans than this is an attack: each one costs a pass over the picture. */
enum { MAX_SCANS = 500 };

static void on_exit_error(j_common_ptr c) {
	tl_jpeg *j = c->client_data;
	c->err->format_message(c, j->message);
	longjmp(j->back, 1);
}

static void on_message(j_common_ptr c, int level) {
	tl_jpeg *j = c->client_data;
	if (level >= 0)
		return;
	switch (c->err->msg_code) {
	case JWRN_JPEG_EOF: /* the end marker is missing: harmless by itself */
		break;
	case JWRN_HIT_MARKER:
		j->torn++;
		break;
	default:
		j->broken++;
	}
	if (j->torn + j->broken == 1)
		c->err->format_message(c, j->message);
}

static void on_progress(j_common_ptr c) {
	if (!c->is_decompressor || ((j_decompress_ptr)c)->input_scan_number <= MAX_SCANS)
		return;
	snprintf(((tl_jpeg *)c->client_data)->message, JMSG_LENGTH_MAX, "more than %d scans", MAX_SCANS);
	longjmp(((tl_jpeg *)c->client_data)->back, 1);
}

tl_jpeg *tl_jpeg_open(const char *path) {
	tl_jpeg *j = calloc(1, sizeof *j);
	if (!j)
		return NULL;
	j->file = fopen(path, "rb");
	if (!j->file) {
		free(j);
		return NULL;
	}
	j->c.err = jpeg_std_error(&j->err);
	j->c.client_data = j;
	j->err.error_exit = on_exit_error;
	j->err.emit_message = on_message;
	j->progress.progress_monitor = on_progress;
	return j;
}

/* tl_jpeg_start reads the header and makes the first row ready. CMYK comes out
   as it is stored, everything else as gray or RGB. */
int tl_jpeg_start(tl_jpeg *j, int want_gray) {
	if (setjmp(j->back))
		return 0;
	jpeg_create_decompress(&j->c);
	j->c.progress = &j->progress;
	j->c.client_data = j;
	jpeg_stdio_src(&j->c, j->file);
	jpeg_read_header(&j->c, TRUE);
	if (j->c.num_components == 4)
		j->c.out_color_space = JCS_CMYK;
	else if (want_gray || j->c.num_components == 1)
		j->c.out_color_space = JCS_GRAYSCALE;
	else
		j->c.out_color_space = JCS_RGB;
	jpeg_start_decompress(&j->c);
	return 1;
}

int tl_jpeg_row(tl_jpeg *j, unsigned char *row) {
	JSAMPROW rows[1];
	rows[0] = row;
	if (setjmp(j->back))
		return 0;
	return jpeg_read_scanlines(&j->c, rows, 1) == 1;
}

void tl_jpeg_close(tl_jpeg *j) {
	if (!setjmp(j->back))
		jpeg_destroy_decompress(&j->c);
	fclose(j->file);
	free(j);
}
