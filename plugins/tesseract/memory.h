// twl_allocator is the version of the jemalloc of the process, or "".
const char *twl_allocator(void);

// twl_arenas is the number of arenas that it was told to have, or 0.
unsigned twl_arenas(void);
