#include "value.h"

#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "map.h"

// The interned strings: open addressing, doubled when half full.
static const String **interned;
static size_t interned_count;
static size_t interned_capacity;

static uint32_t hash_of(const char *bytes, size_t length) {
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < length; i++) {
        hash = (hash ^ (unsigned char)bytes[i]) * 16777619u;
    }
    return hash;
}

static void grow_interned(void) {
    size_t capacity = interned_capacity ? interned_capacity * 2 : 256;
    const String **table = arena_alloc(capacity * sizeof *table);
    for (size_t i = 0; i < interned_capacity; i++) {
        if (interned[i] == NULL) {
            continue;
        }
        size_t slot = interned[i]->hash & (capacity - 1);
        while (table[slot] != NULL) {
            slot = (slot + 1) & (capacity - 1);
        }
        table[slot] = interned[i];
    }
    interned = table;
    interned_capacity = capacity;
}

const String *string_of(const char *bytes, size_t length) {
    if (interned_count * 2 >= interned_capacity) {
        grow_interned();
    }
    uint32_t hash = hash_of(bytes, length);
    size_t slot = hash & (interned_capacity - 1);
    while (interned[slot] != NULL) {
        const String *there = interned[slot];
        if (there->hash == hash && there->length == length && memcmp(there->bytes, bytes, length) == 0) {
            return there;
        }
        slot = (slot + 1) & (interned_capacity - 1);
    }
    String *string = arena_alloc(sizeof *string + length + 1);
    string->length = length;
    string->hash = hash;
    memcpy(string->bytes, bytes, length);
    interned[slot] = string;
    interned_count++;
    return string;
}

const String *string_from(const char *text) {
    return string_of(text, strlen(text));
}

Value nil(void) {
    return (Value){.kind = NIL};
}

Value of_bool(bool truth) {
    return (Value){.kind = BOOL, .as.truth = truth};
}

Value of_number(double number) {
    return (Value){.kind = NUMBER, .as.number = number};
}

Value of_string(const String *string) {
    return (Value){.kind = STRING, .as.string = string};
}

Value of_text(const char *text) {
    return of_string(string_from(text));
}

Value of_list(List *list) {
    return (Value){.kind = LIST, .as.list = list};
}

Value of_map(Map *map) {
    return (Value){.kind = MAP, .as.map = map};
}

Value of_builtin(const Builtin *builtin) {
    return (Value){.kind = BUILTIN, .as.builtin = builtin};
}

List *list_new(void) {
    return arena_alloc(sizeof(List));
}

void list_push(List *list, Value value) {
    if (list->length == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 8;
        list->items =
            arena_grow(list->items, list->length * sizeof(Value), capacity * sizeof(Value));
        list->capacity = capacity;
    }
    list->items[list->length++] = value;
}

bool is_true(Value value) {
    return value.kind == BOOL ? value.as.truth : value.kind != NIL;
}

bool equal(Value left, Value right) {
    if (left.kind != right.kind) {
        return false;
    }
    switch (left.kind) {
    case NIL:
        return true;
    case BOOL:
        return left.as.truth == right.as.truth;
    case NUMBER:
        return left.as.number == right.as.number;
    case STRING:
        return left.as.string == right.as.string;
    case LIST:
        if (left.as.list->length != right.as.list->length) {
            return false;
        }
        for (size_t i = 0; i < left.as.list->length; i++) {
            if (!equal(left.as.list->items[i], right.as.list->items[i])) {
                return false;
            }
        }
        return true;
    case MAP:
        if (left.as.map->count != right.as.map->count) {
            return false;
        }
        for (size_t i = 0; i < left.as.map->count; i++) {
            const Pair *pair = &left.as.map->pairs[i];
            const Value *other = map_get(right.as.map, pair->key);
            if (other == NULL || !equal(pair->value, *other)) {
                return false;
            }
        }
        return true;
    case FUNCTION:
        return left.as.function == right.as.function;
    case BUILTIN:
        return left.as.builtin == right.as.builtin;
    }
    return false;
}

int compare(Value left, Value right, bool *ok) {
    *ok = true;
    if (left.kind == NUMBER && right.kind == NUMBER) {
        return (left.as.number > right.as.number) - (left.as.number < right.as.number);
    }
    if (left.kind == STRING && right.kind == STRING) {
        size_t shorter = left.as.string->length < right.as.string->length ? left.as.string->length
                                                                          : right.as.string->length;
        int order = memcmp(left.as.string->bytes, right.as.string->bytes, shorter);
        if (order != 0) {
            return order;
        }
        return (left.as.string->length > right.as.string->length) -
               (left.as.string->length < right.as.string->length);
    }
    *ok = false;
    return 0;
}

const char *kind_name(Kind kind) {
    static const char *const names[] = {"nil",  "bool", "number",   "string",
                                        "list", "map",  "function", "builtin"};
    return names[kind];
}

static void show_quoted(Buffer *out, const String *string) {
    buffer_byte(out, '"');
    for (size_t i = 0; i < string->length; i++) {
        unsigned char byte = (unsigned char)string->bytes[i];
        switch (byte) {
        case '"':
            buffer_text(out, "\\\"");
            break;
        case '\\':
            buffer_text(out, "\\\\");
            break;
        case '\n':
            buffer_text(out, "\\n");
            break;
        case '\t':
            buffer_text(out, "\\t");
            break;
        case '\r':
            buffer_text(out, "\\r");
            break;
        default:
            if (byte < 0x20) {
                static const char digits[] = "0123456789abcdef";
                buffer_text(out, "\\u00");
                buffer_byte(out, digits[byte >> 4]);
                buffer_byte(out, digits[byte & 15]);
            } else {
                buffer_byte(out, (char)byte);
            }
        }
    }
    buffer_byte(out, '"');
}

void show(Buffer *out, Value value, bool quoted) {
    switch (value.kind) {
    case NIL:
        buffer_text(out, quoted ? "null" : "nil");
        break;
    case BOOL:
        buffer_text(out, value.as.truth ? "true" : "false");
        break;
    case NUMBER:
        buffer_number(out, value.as.number);
        break;
    case STRING:
        if (quoted) {
            show_quoted(out, value.as.string);
        } else {
            buffer_bytes(out, value.as.string->bytes, value.as.string->length);
        }
        break;
    case LIST:
        buffer_byte(out, '[');
        for (size_t i = 0; i < value.as.list->length; i++) {
            if (i > 0) {
                buffer_text(out, ", ");
            }
            show(out, value.as.list->items[i], true);
        }
        buffer_byte(out, ']');
        break;
    case MAP:
        buffer_byte(out, '{');
        for (size_t i = 0; i < value.as.map->count; i++) {
            if (i > 0) {
                buffer_text(out, ", ");
            }
            show_quoted(out, value.as.map->pairs[i].key);
            buffer_text(out, ": ");
            show(out, value.as.map->pairs[i].value, true);
        }
        buffer_byte(out, '}');
        break;
    case FUNCTION:
        buffer_text(out, "<function>");
        break;
    case BUILTIN:
        buffer_text(out, "<builtin ");
        buffer_text(out, value.as.builtin->name);
        buffer_byte(out, '>');
        break;
    }
}
