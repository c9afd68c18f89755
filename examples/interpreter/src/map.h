// Strings to values, in the order in which keys were first set.
#ifndef MAP_H
#define MAP_H

#include "value.h"

typedef struct {
    const String *key;
    Value value;
} Pair;

struct Map {
    Pair *pairs;
    size_t count;
    size_t capacity;
    // Slot to index of a pair plus one; zero is free.
    uint32_t *slots;
    size_t slot_count;
};

Map *map_new(void);
Value *map_get(const Map *map, const String *key);
void map_set(Map *map, const String *key, Value value);
bool map_remove(Map *map, const String *key);

#endif
