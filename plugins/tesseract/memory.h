#include <stddef.h>

// twl_allocator is the version of the jemalloc of the process, or "".
const char *twl_allocator(void);

// twl_arenas is the number of arenas that it was told to have, or 0.
unsigned twl_arenas(void);

// twl_purge gives the memory back to the system that the allocator keeps for later.
void twl_purge(void);

// twl_unused is what it keeps, in bytes.
size_t twl_unused(void);
