// Memory that lives as long as the program: given out from blocks, freed all at once.
#ifndef ARENA_H
#define ARENA_H

#include <stddef.h>

void *arena_alloc(size_t size);
void *arena_grow(void *old, size_t old_size, size_t new_size);
size_t arena_used(void);
void arena_free_all(void);

#endif
