// The few calls of leptonica and OpenMP that gosseract does not offer.

// twl_size gives 0 and the size that the head of an image file claims, else 1.
int twl_size(const char *path, int *width, int *height);

// twl_measure gives what a decoded image (a PIX) says of itself.
void twl_measure(void *pix, int *width, int *height, int *dpi);

// twl_one_thread makes all parallel regions of the calling thread run on it alone.
void twl_one_thread(void);

// twl_forget_packs drops the parts of language packs that the engine keeps for the next
// client and none uses.
void twl_forget_packs(void);

// twl_version is leptonica's name and version; the caller frees it.
char *twl_version(void);

// twl_catch_messages keeps leptonica's messages off standard error from now on.
void twl_catch_messages(void);

// twl_take_messages gives the first message since it was called last, valid until
// the next call. Calls must not overlap.
const char *twl_take_messages(void);

// twl_image_libraries names the image libraries of leptonica and their versions; the
// caller frees it.
char *twl_image_libraries(void);

// twl_dot_product and twl_matrix name the code that the engine has chosen for this
// processor, e.g. "avx2"; "" if the library does not show it. Nothing is to be freed.
const char *twl_dot_product(void);
const char *twl_matrix(void);
