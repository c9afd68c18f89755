// What a program computes with.
#ifndef VALUE_H
#define VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"

typedef enum { NIL, BOOL, NUMBER, STRING, LIST, MAP, FUNCTION, BUILTIN } Kind;

typedef struct {
    size_t length;
    uint32_t hash;
    char bytes[];
} String;

typedef struct Value Value;
typedef struct List List;
typedef struct Map Map;
typedef struct Function Function;
typedef struct Builtin Builtin;

struct Value {
    Kind kind;
    union {
        bool truth;
        double number;
        const String *string;
        List *list;
        Map *map;
        const Function *function;
        const Builtin *builtin;
    } as;
};

struct List {
    Value *items;
    size_t length;
    size_t capacity;
};

struct Builtin {
    const char *name;
    int least;
    int most;
    Value (*call)(int line, const Value *arguments, int count);
};

// One string for each text, so that two strings are equal when their pointers are.
const String *string_of(const char *bytes, size_t length);
const String *string_from(const char *text);

Value nil(void);
Value of_bool(bool truth);
Value of_number(double number);
Value of_string(const String *string);
Value of_text(const char *text);
Value of_list(List *list);
Value of_map(Map *map);
Value of_builtin(const Builtin *builtin);

List *list_new(void);
void list_push(List *list, Value value);

bool is_true(Value value);
bool equal(Value left, Value right);
// Negative, zero or positive; only numbers with numbers and strings with strings, `ok` says whether.
int compare(Value left, Value right, bool *ok);
const char *kind_name(Kind kind);
// As `print` shows it; strings below the top are quoted.
void show(Buffer *out, Value value, bool quoted);

#endif
