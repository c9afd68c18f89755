#include "arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_SIZE (256 * 1024)
#define ALIGNMENT 16

typedef struct Block {
    struct Block *next;
    size_t size;
    size_t used;
    // Aligned by the padding below.
    char *bytes;
} Block;

static Block *blocks;
static size_t total;

static size_t rounded(size_t size) {
    return (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

static Block *add_block(size_t at_least) {
    size_t size = at_least > BLOCK_SIZE ? at_least : BLOCK_SIZE;
    Block *block = malloc(sizeof(Block) + size + ALIGNMENT);
    if (block == NULL) {
        fputs("out of memory\n", stderr);
        exit(70);
    }
    uintptr_t start = (uintptr_t)(block + 1);
    start = (start + ALIGNMENT - 1) & ~(uintptr_t)(ALIGNMENT - 1);
    block->bytes = (char *)start;
    block->size = size;
    block->used = 0;
    block->next = blocks;
    blocks = block;
    return block;
}

void *arena_alloc(size_t size) {
    size = rounded(size ? size : 1);
    Block *block = blocks;
    if (block == NULL || block->size - block->used < size) {
        block = add_block(size);
    }
    void *result = block->bytes + block->used;
    block->used += size;
    total += size;
    memset(result, 0, size);
    return result;
}

void *arena_grow(void *old, size_t old_size, size_t new_size) {
    void *result = arena_alloc(new_size);
    if (old_size > 0) {
        memcpy(result, old, old_size < new_size ? old_size : new_size);
    }
    return result;
}

size_t arena_used(void) {
    return total;
}

void arena_free_all(void) {
    while (blocks != NULL) {
        Block *next = blocks->next;
        free(blocks);
        blocks = next;
    }
    total = 0;
}
