// Small regular expressions: . [abc] [^a-z] * + ? ^ $ | ( ) \d \w \s, and what the first group matched.
#ifndef PATTERN_H
#define PATTERN_H

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    size_t start;
    size_t end;
} Match;

bool pattern_find(int line, const char *pattern, const char *text, size_t from, Match *match);

#endif
