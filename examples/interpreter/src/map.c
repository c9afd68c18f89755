#include "map.h"

#include <string.h>

#include "arena.h"

Map *map_new(void) {
    return arena_alloc(sizeof(Map));
}

static size_t slot_of(const Map *map, const String *key) {
    size_t slot = key->hash & (map->slot_count - 1);
    while (map->slots[slot] != 0 && map->pairs[map->slots[slot] - 1].key != key) {
        slot = (slot + 1) & (map->slot_count - 1);
    }
    return slot;
}

static void rebuild(Map *map, size_t slot_count) {
    if (slot_count != map->slot_count) {
        map->slots = arena_alloc(slot_count * sizeof *map->slots);
        map->slot_count = slot_count;
    } else {
        memset(map->slots, 0, slot_count * sizeof *map->slots);
    }
    for (size_t i = 0; i < map->count; i++) {
        map->slots[slot_of(map, map->pairs[i].key)] = (uint32_t)i + 1;
    }
}

Value *map_get(const Map *map, const String *key) {
    if (map->slot_count == 0) {
        return NULL;
    }
    uint32_t at = map->slots[slot_of(map, key)];
    return at == 0 ? NULL : &map->pairs[at - 1].value;
}

void map_set(Map *map, const String *key, Value value) {
    Value *there = map_get(map, key);
    if (there != NULL) {
        *there = value;
        return;
    }
    if (map->count == map->capacity) {
        size_t capacity = map->capacity ? map->capacity * 2 : 8;
        map->pairs = arena_grow(map->pairs, map->count * sizeof(Pair), capacity * sizeof(Pair));
        map->capacity = capacity;
    }
    map->pairs[map->count++] = (Pair){key, value};
    if (map->count * 2 > map->slot_count) {
        rebuild(map, map->slot_count ? map->slot_count * 2 : 16);
    } else {
        map->slots[slot_of(map, key)] = (uint32_t)map->count;
    }
}

bool map_remove(Map *map, const String *key) {
    Value *there = map_get(map, key);
    if (there == NULL) {
        return false;
    }
    size_t at = map->slots[slot_of(map, key)] - 1;
    memmove(&map->pairs[at], &map->pairs[at + 1], (map->count - at - 1) * sizeof(Pair));
    map->count--;
    rebuild(map, map->slot_count);
    return true;
}
