#include "ascents.h"
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* A plane is a 1-bit picture in rows of 64-bit words, the leftmost pixel in the highest
   bit, with white about it: rows above and below, a word on both sides. Whole rows are
   worked on at once, so the compiler can use the widest registers. */
typedef struct {
	int w, h;        /* pixels */
	size_t n;        /* words of a row, with room for `reach` more pixels on the right */
	size_t stride;   /* words from row to row */
	uint64_t *start; /* of the memory */
} plane;

enum { reach = 30, above = 4, below = 32 };

static int make(plane *p, int w, int h) {
	p->w = w;
	p->h = h;
	p->n = ((size_t)w + reach + 63) / 64;
	p->stride = p->n + 2;
	p->start = calloc((size_t)h + above + below, p->stride * sizeof(uint64_t));
	return p->start == NULL;
}

static uint64_t *row(const plane *p, int y) { return p->start + (size_t)(y + above) * p->stride + 1; }

static int copy(plane *to, const plane *p) {
	size_t all = ((size_t)p->h + above + below) * p->stride;
	*to = *p;
	to->start = malloc(all * sizeof(uint64_t));
	if (to->start == NULL)
		return 1;
	for (size_t i = 0; i < all; i++)
		to->start[i] = p->start[i];
	return 0;
}

/* The pixel k to the right and k to the left of each pixel of word i, 0 < k < 64. */
#define RIGHT(r, i, k) ((r)[i] << (k) | (r)[(i) + 1] >> (64 - (k)))
#define LEFT(r, i, k) ((r)[i] >> (k) | (r)[(ptrdiff_t)(i) - 1] << (64 - (k)))

/* smear makes each row black where it or the row k above is; shrink leaves it black
   where the row k below is too. */
static void smear(plane *p, int k) {
	for (int y = p->h + below - 1; y >= k - above; y--) {
		uint64_t *restrict to = row(p, y);
		const uint64_t *restrict from = row(p, y - k);
		for (size_t i = 0; i < p->n; i++)
			to[i] |= from[i];
	}
}

static void shrink(plane *p, int k) {
	for (int y = -above; y < p->h + below - k; y++) {
		uint64_t *restrict to = row(p, y);
		const uint64_t *restrict from = row(p, y + k);
		for (size_t i = 0; i < p->n; i++)
			to[i] &= from[i];
	}
}

/* The same along the rows, to the right and back. */
static void smear_along(plane *p, int k) {
	for (int y = 0; y < p->h; y++) {
		uint64_t *r = row(p, y);
		for (size_t i = p->n; i-- > 0;)
			r[i] |= LEFT(r, i, k);
	}
}

static void shrink_along(plane *p, int k) {
	for (int y = 0; y < p->h; y++) {
		uint64_t *r = row(p, y);
		for (size_t i = 0; i < p->n; i++)
			r[i] &= RIGHT(r, i, k);
	}
}

/* join closes gaps under 8 pixels along columns and under 30 along rows, which fills
   small letters to bars with the ascenders and descenders standing out. */
static void join(plane *p) {
	static const int eight[] = {1, 2, 4}, thirty[] = {1, 2, 4, 8, 14};
	for (int i = 0; i < 3; i++)
		smear(p, eight[i]);
	for (int i = 0; i < 3; i++)
		shrink(p, eight[i]);
	for (int i = 0; i < 5; i++)
		smear_along(p, thirty[i]);
	for (int i = 0; i < 5; i++)
		shrink_along(p, thirty[i]);
}

/* tiles counts the squares of 4 x 4 pixels that have black, of which row holds the
   disjunction of four rows, and clears it. Squares that the image cuts do not count. */
static int tiles(uint64_t *r, const plane *p) {
	int count = 0, whole = p->w / 4 * 4;
	for (size_t i = 0; i < p->n; i++) {
		uint64_t t = r[i] | r[i] << 1;
		t = (t | t << 2) & 0x8888888888888888u;
		int inside = whole - (int)i * 64;
		if (inside < 64)
			t = inside <= 0 ? 0 : t & ~(uint64_t)0 << (64 - inside);
		count += __builtin_popcountll(t);
		r[i] = 0;
	}
	return count;
}

/* corners adds to rise and fall the pixels of row y beside which a stroke of 5 pixels
   rises from a bar of 6 or falls from one, with white between them. bars holds where
   bars of 6 begin, strokes where strokes of 5 do. */
static void corners(const plane *p, const plane *bars, const plane *strokes, int y,
                    uint64_t *restrict rise, uint64_t *restrict fall) {
	const uint64_t *over = row(p, y - 1), *at = row(p, y), *under = row(p, y + 1);
	const uint64_t *foot = row(bars, y + 3), *head = row(bars, y - 3);
	const uint64_t *rising = row(strokes, y - 1), *falling = row(strokes, y - 3);
	for (size_t i = 0; i < p->n; i++) {
		uint64_t white = ~(at[i] | LEFT(at, i, 1) | RIGHT(at, i, 1) | over[i] | under[i]);
		uint64_t b = LEFT(rising, i, 3) & LEFT(foot, i, 3) & ~RIGHT(over, i, 1);
		uint64_t d = RIGHT(rising, i, 3) & LEFT(foot, i, 2) & ~LEFT(over, i, 1);
		uint64_t q = LEFT(falling, i, 3) & LEFT(head, i, 3) & ~RIGHT(under, i, 1);
		uint64_t g = RIGHT(falling, i, 3) & LEFT(head, i, 2) & ~LEFT(under, i, 1);
		rise[i] |= white & (b | d);
		fall[i] |= white & (q | g);
	}
}

/* enough is the count that either side must exceed before the two are compared. */
enum { enough = 70 };

static float compare(int rise, int fall) {
	if ((rise > fall ? rise : fall) <= enough)
		return 0;
	float r = (float)rise, f = (float)fall;
	return (float)(2. * ((r - f) / sqrt(r + f)));
}

/* weigh joins the plane's letters and compares what rises with what falls. */
static int weigh(plane *p, float *weight) {
	plane bars = {0}, strokes = {0};
	uint64_t *rise = NULL, *fall = NULL;
	int up = 0, down = 0;
	join(p);
	int bad = copy(&bars, p) || copy(&strokes, p) || !(rise = calloc(p->n, 8)) || !(fall = calloc(p->n, 8));
	if (!bad) {
		shrink_along(&bars, 1);
		shrink_along(&bars, 2);
		shrink_along(&bars, 2);
		shrink(&strokes, 1);
		shrink(&strokes, 2);
		shrink(&strokes, 1);
		for (int y = 0; y < p->h / 4 * 4; y++) {
			corners(p, &bars, &strokes, y, rise, fall);
			if (y % 4 == 3) {
				up += tiles(rise, p);
				down += tiles(fall, p);
			}
		}
		*weight = compare(up, down);
	}
	free(bars.start);
	free(strokes.start);
	free(rise);
	free(fall);
	return bad;
}

static int load(plane *p, PIX *from) {
	int words = pixGetWpl(from);
	const l_uint32 *line = pixGetData(from);
	if (make(p, pixGetWidth(from), pixGetHeight(from)))
		return 1;
	size_t used = ((size_t)p->w + 63) / 64;
	for (int y = 0; y < p->h; y++, line += words) {
		uint64_t *r = row(p, y);
		for (size_t i = 0; i < used; i++)
			r[i] = (uint64_t)line[2 * i] << 32 | (2 * (int)i + 1 < words ? line[2 * i + 1] : 0);
		if (p->w % 64)
			r[used - 1] &= ~(uint64_t)0 << (64 - p->w % 64);
	}
	return 0;
}

/* flip exchanges rows and columns of a square of 64 x 64 pixels. */
static void flip(uint64_t a[64]) {
	uint64_t mask = 0xffffffff;
	for (int k = 32; k > 0; k /= 2, mask ^= mask << k)
		for (int i = 0; i < 64; i = (i + k + 1) & ~k) {
			uint64_t t = (a[i] ^ a[i + k] >> k) & mask;
			a[i] ^= t;
			a[i + k] ^= t << k;
		}
}

static void turn_square(plane *to, const plane *p, int x, int y) {
	uint64_t a[64];
	for (int k = 0; k < 64; k++) { /* rows from the bottom become columns from the left */
		int from = p->h - 1 - (y + k);
		a[k] = from >= 0 ? row(p, from)[x / 64] : 0;
	}
	flip(a);
	for (int k = 0; k < 64 && x + k < p->w; k++)
		row(to, x + k)[y / 64] = a[k];
}

/* turn gives the plane turned clockwise by 90 degrees. */
static int turn(plane *to, const plane *p) {
	if (make(to, p->h, p->w))
		return 1;
	for (int y = 0; y < p->h; y += 64)
		for (int x = 0; x < p->w; x += 64)
			turn_square(to, p, x, y);
	return 0;
}

int tl_ascents(PIX *from, float *up, float *left) {
	plane upright = {0}, turned = {0};
	int bad = load(&upright, from) || turn(&turned, &upright) || weigh(&upright, up) || weigh(&turned, left);
	free(upright.start);
	free(turned.start);
	return bad;
}
