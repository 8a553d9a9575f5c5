#include "components.h"
#include <stdint.h>
#include <stdlib.h>

/* A stroke of black in a row, up to and without end, and the shape it belongs to. */
typedef struct { int start, end, shape; } stroke;

/* What is known of the image: the strokes of two rows, and for each shape its box and
   the older shape that it turned out to be part of, itself if none. */
typedef struct {
	stroke *rows[2];
	tl_box *boxes;
	int *older;
	int shapes, room;
} state;

static int oldest(state *s, int shape) {
	while (s->older[shape] != shape) {
		s->older[shape] = s->older[s->older[shape]];
		shape = s->older[shape];
	}
	return shape;
}

static int begin(state *s, const stroke *k, int y) {
	if (s->shapes == s->room) {
		int room = 2 * s->room + 1024;
		tl_box *boxes = realloc(s->boxes, (size_t)room * sizeof *boxes);
		if (boxes)
			s->boxes = boxes;
		int *older = realloc(s->older, (size_t)room * sizeof *older);
		if (older)
			s->older = older;
		if (!boxes || !older)
			return -1;
		s->room = room;
	}
	s->boxes[s->shapes] = (tl_box){k->start, y, k->end - 1, y};
	s->older[s->shapes] = s->shapes;
	return s->shapes++;
}

static void grow(tl_box *b, const tl_box *by) {
	if (by->x0 < b->x0)
		b->x0 = by->x0;
	if (by->y0 < b->y0)
		b->y0 = by->y0;
	if (by->x1 > b->x1)
		b->x1 = by->x1;
	if (by->y1 > b->y1)
		b->y1 = by->y1;
}

/* join makes one shape of two and gives it: the older, whose first pixel comes first. */
static int join(state *s, int a, int b) {
	a = oldest(s, a);
	b = oldest(s, b);
	if (a == b)
		return a;
	if (b < a) {
		int c = a;
		a = b;
		b = c;
	}
	s->older[b] = a;
	grow(&s->boxes[a], &s->boxes[b]);
	return a;
}

/* strokes finds those of a row of w pixels and gives their number. */
static int strokes(const l_uint32 *line, int w, stroke *to) {
	int n = 0, inside = 0;
	for (int x = 0; x < w; x += 32) {
		l_uint32 word = line[x / 32];
		if (w - x < 32)
			word &= ~(l_uint32)0 << (32 - (w - x));
		if (word == (inside ? ~(l_uint32)0 : 0))
			continue;
		/* edges has a bit wherever the colour changes from the pixel on the left. */
		l_uint32 edges = word ^ (word >> 1 | (l_uint32)inside << 31);
		for (; edges; edges &= ~((l_uint32)1 << 31 >> __builtin_clz(edges))) {
			int at = x + __builtin_clz(edges);
			if (inside)
				to[n - 1].end = at;
			else
				to[n++].start = at;
			inside = !inside;
		}
	}
	if (inside)
		to[n - 1].end = w;
	return n;
}

/* link finds the shapes of n strokes in row y from those of the row above. */
static int link(state *s, stroke *row, int n, const stroke *above, int m, int y) {
	int i = 0;
	for (stroke *k = row; k < row + n; k++) {
		k->shape = -1;
		while (i < m && above[i].end < k->start)
			i++;
		for (int j = i; j < m && above[j].start <= k->end; j++)
			k->shape = k->shape < 0 ? oldest(s, above[j].shape) : join(s, k->shape, above[j].shape);
		if (k->shape < 0 && (k->shape = begin(s, k, y)) < 0)
			return 1;
		grow(&s->boxes[k->shape], &(tl_box){k->start, y, k->end - 1, y});
	}
	return 0;
}

static int all(state *s, PIX *p) {
	int w = pixGetWidth(p), h = pixGetHeight(p), words = pixGetWpl(p), above = 0;
	const l_uint32 *line = pixGetData(p);
	for (int y = 0; y < h; y++, line += words) {
		int n = strokes(line, w, s->rows[y % 2]);
		if (link(s, s->rows[y % 2], n, s->rows[1 - y % 2], above, y))
			return 1;
		above = n;
	}
	return 0;
}

tl_box *tl_components(PIX *p, int *count) {
	size_t most = (size_t)pixGetWidth(p) / 2 + 1;
	state s = {{malloc(most * sizeof(stroke)), malloc(most * sizeof(stroke))}, malloc(sizeof(tl_box)), NULL, 0, 0};
	int bad = !s.rows[0] || !s.rows[1] || !s.boxes || all(&s, p);
	int n = 0;
	for (int i = 0; !bad && i < s.shapes; i++)
		if (s.older[i] == i)
			s.boxes[n++] = s.boxes[i];
	free(s.rows[0]);
	free(s.rows[1]);
	free(s.older);
	if (bad) {
		free(s.boxes);
		return NULL;
	}
	*count = n;
	return s.boxes;
}
