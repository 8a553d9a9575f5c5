#ifndef TWINLEAF_JPEG_BRIDGE_H
#define TWINLEAF_JPEG_BRIDGE_H
#include <setjmp.h>
#include <stddef.h>
#include <stdio.h>

#include <jpeglib.h>

/* A decoder with the words of its last error. */
typedef struct {
	struct jpeg_decompress_struct c;
	struct jpeg_error_mgr err;
	struct jpeg_progress_mgr progress;
	jmp_buf back;
	FILE *file;
	int torn;   /* image data are missing */
	int broken; /* other warnings */
	char message[JMSG_LENGTH_MAX];
} tl_jpeg;

tl_jpeg *tl_jpeg_open(const char *path);
int tl_jpeg_start(tl_jpeg *j, int want_gray);
int tl_jpeg_row(tl_jpeg *j, unsigned char *row);
void tl_jpeg_close(tl_jpeg *j);
#endif
