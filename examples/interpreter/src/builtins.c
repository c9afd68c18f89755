#include "builtins.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "json.h"
#include "pattern.h"

static void want(int line, const char *who, Value value, Kind kind) {
    if (value.kind != kind) {
        fail(line, "%s takes a %s, not %s", who, kind_name(kind), kind_name(value.kind));
    }
}

static Value of_buffer(const Buffer *text) {
    return of_string(string_of(text->bytes ? text->bytes : "", text->length));
}

static Value do_print(int line, const Value *arguments, int count) {
    (void)line;
    Buffer text = {0};
    for (int i = 0; i < count; i++) {
        if (i > 0) {
            buffer_byte(&text, ' ');
        }
        show(&text, arguments[i], false);
    }
    buffer_byte(&text, '\n');
    fwrite(text.bytes, 1, text.length, stdout);
    return nil();
}

static Value do_str(int line, const Value *arguments, int count) {
    (void)line;
    (void)count;
    Buffer text = {0};
    show(&text, arguments[0], false);
    return of_buffer(&text);
}

static Value do_num(int line, const Value *arguments, int count) {
    (void)count;
    want(line, "num", arguments[0], STRING);
    char *end;
    const char *text = arguments[0].as.string->bytes;
    double number = strtod(text, &end);
    return *text == '\0' || *end != '\0' ? nil() : of_number(number);
}

static Value do_type(int line, const Value *arguments, int count) {
    (void)line;
    (void)count;
    return of_text(kind_name(arguments[0].kind));
}

static Value do_len(int line, const Value *arguments, int count) {
    (void)count;
    switch (arguments[0].kind) {
    case STRING:
        return of_number((double)arguments[0].as.string->length);
    case LIST:
        return of_number((double)arguments[0].as.list->length);
    case MAP:
        return of_number((double)arguments[0].as.map->count);
    default:
        fail(line, "%s has no length", kind_name(arguments[0].kind));
    }
}

static Value do_push(int line, const Value *arguments, int count) {
    want(line, "push", arguments[0], LIST);
    for (int i = 1; i < count; i++) {
        list_push(arguments[0].as.list, arguments[i]);
    }
    return arguments[0];
}

static Value do_pop(int line, const Value *arguments, int count) {
    (void)count;
    want(line, "pop", arguments[0], LIST);
    List *list = arguments[0].as.list;
    return list->length == 0 ? nil() : list->items[--list->length];
}

static Value do_range(int line, const Value *arguments, int count) {
    for (int i = 0; i < count; i++) {
        want(line, "range", arguments[i], NUMBER);
    }
    double from = count == 1 ? 0 : arguments[0].as.number;
    double to = arguments[count == 1 ? 0 : 1].as.number;
    double step = count == 3 ? arguments[2].as.number : 1;
    if (step == 0) {
        fail(line, "range with a step of zero");
    }
    List *list = list_new();
    for (double at = from; step > 0 ? at < to : at > to; at += step) {
        list_push(list, of_number(at));
    }
    return of_list(list);
}

static Value do_keys(int line, const Value *arguments, int count) {
    (void)count;
    want(line, "keys", arguments[0], MAP);
    List *list = list_new();
    for (size_t i = 0; i < arguments[0].as.map->count; i++) {
        list_push(list, of_string(arguments[0].as.map->pairs[i].key));
    }
    return of_list(list);
}

static Value do_remove(int line, const Value *arguments, int count) {
    (void)count;
    want(line, "remove", arguments[0], MAP);
    want(line, "remove", arguments[1], STRING);
    return of_bool(map_remove(arguments[0].as.map, arguments[1].as.string));
}

static Value do_map(int line, const Value *arguments, int count) {
    (void)count;
    want(line, "map", arguments[0], LIST);
    List *list = list_new();
    for (size_t i = 0; i < arguments[0].as.list->length; i++) {
        list_push(list, call(line, arguments[1], &arguments[0].as.list->items[i], 1));
    }
    return of_list(list);
}

static Value do_filter(int line, const Value *arguments, int count) {
    (void)count;
    want(line, "filter", arguments[0], LIST);
    List *list = list_new();
    for (size_t i = 0; i < arguments[0].as.list->length; i++) {
        Value item = arguments[0].as.list->items[i];
        if (is_true(call(line, arguments[1], &item, 1))) {
            list_push(list, item);
        }
    }
    return of_list(list);
}

static Value do_reduce(int line, const Value *arguments, int count) {
    (void)count;
    want(line, "reduce", arguments[0], LIST);
    Value result = arguments[2];
    for (size_t i = 0; i < arguments[0].as.list->length; i++) {
        Value both[2] = {result, arguments[0].as.list->items[i]};
        result = call(line, arguments[1], both, 2);
    }
    return result;
}

static bool before(int line, Value left, Value right, const Value *less) {
    if (less != NULL) {
        Value both[2] = {left, right};
        return is_true(call(line, *less, both, 2));
    }
    bool ok;
    int order = compare(left, right, &ok);
    if (!ok) {
        fail(line, "cannot sort %s beside %s", kind_name(left.kind), kind_name(right.kind));
    }
    return order < 0;
}

// A merge sort, so that equals keep their order.
static Value do_sort(int line, const Value *arguments, int count) {
    want(line, "sort", arguments[0], LIST);
    size_t length = arguments[0].as.list->length;
    List *from = list_new(), *to = list_new();
    for (size_t i = 0; i < length; i++) {
        list_push(from, arguments[0].as.list->items[i]);
        list_push(to, nil());
    }
    for (size_t width = 1; width < length; width *= 2) {
        for (size_t start = 0; start < length; start += 2 * width) {
            size_t middle = start + width < length ? start + width : length;
            size_t end = start + 2 * width < length ? start + 2 * width : length;
            size_t left = start, right = middle;
            for (size_t out = start; out < end; out++) {
                bool take_right = right < end && (left >= middle || before(line, from->items[right], from->items[left],
                                                                           count > 1 ? &arguments[1] : NULL));
                to->items[out] = take_right ? from->items[right++] : from->items[left++];
            }
        }
        List *swap = from;
        from = to;
        to = swap;
    }
    return of_list(from);
}

static Value do_split(int line, const Value *arguments, int count) {
    (void)count;
    want(line, "split", arguments[0], STRING);
    want(line, "split", arguments[1], STRING);
    const char *at = arguments[0].as.string->bytes;
    const String *separator = arguments[1].as.string;
    if (separator->length == 0) {
        fail(line, "split at nothing");
    }
    List *list = list_new();
    for (const char *next; (next = strstr(at, separator->bytes)) != NULL; at = next + separator->length) {
        list_push(list, of_string(string_of(at, (size_t)(next - at))));
    }
    list_push(list, of_text(at));
    return of_list(list);
}

static Value do_join(int line, const Value *arguments, int count) {
    (void)count;
    want(line, "join", arguments[0], LIST);
    want(line, "join", arguments[1], STRING);
    Buffer text = {0};
    for (size_t i = 0; i < arguments[0].as.list->length; i++) {
        if (i > 0) {
            show(&text, arguments[1], false);
        }
        show(&text, arguments[0].as.list->items[i], false);
    }
    return of_buffer(&text);
}

static Value do_slice(int line, const Value *arguments, int count) {
    want(line, "slice", arguments[0], STRING);
    want(line, "slice", arguments[1], NUMBER);
    const String *text = arguments[0].as.string;
    double length = (double)text->length;
    double from = fmax(0, fmin(length, arguments[1].as.number));
    double to = length;
    if (count == 3) {
        want(line, "slice", arguments[2], NUMBER);
        to = fmax(from, fmin(length, arguments[2].as.number));
    }
    return of_string(string_of(text->bytes + (size_t)from, (size_t)(to - from)));
}

static Value do_find(int line, const Value *arguments, int count) {
    (void)count;
    want(line, "find", arguments[0], STRING);
    want(line, "find", arguments[1], STRING);
    const String *text = arguments[0].as.string;
    List *list = list_new();
    Match match;
    for (size_t at = 0; at <= text->length; at = match.end > match.start ? match.end : match.end + 1) {
        if (!pattern_find(line, arguments[1].as.string->bytes, text->bytes, at, &match)) {
            break;
        }
        list_push(list, of_string(string_of(text->bytes + match.start, match.end - match.start)));
    }
    return of_list(list);
}

static Value do_floor(int line, const Value *arguments, int count) {
    (void)count;
    want(line, "floor", arguments[0], NUMBER);
    return of_number(floor(arguments[0].as.number));
}

static Value do_sqrt(int line, const Value *arguments, int count) {
    (void)count;
    want(line, "sqrt", arguments[0], NUMBER);
    return of_number(sqrt(arguments[0].as.number));
}

static Value do_json(int line, const Value *arguments, int count) {
    (void)count;
    want(line, "json", arguments[0], STRING);
    return json_parse(line, arguments[0].as.string);
}

static Value do_text(int line, const Value *arguments, int count) {
    (void)line;
    (void)count;
    Buffer text = {0};
    show(&text, arguments[0], true);
    return of_buffer(&text);
}

static Value do_assert(int line, const Value *arguments, int count) {
    if (!is_true(arguments[0])) {
        Buffer text = {0};
        if (count > 1) {
            show(&text, arguments[1], false);
        }
        fail(line, "assertion failed%s%s", text.length ? ": " : "", text.length ? text.bytes : "");
    }
    return nil();
}

static const Builtin builtins[] = {
    {"print", 0, 16, do_print}, {"str", 1, 1, do_str},       {"num", 1, 1, do_num},       {"type", 1, 1, do_type},
    {"len", 1, 1, do_len},      {"push", 2, 16, do_push},    {"pop", 1, 1, do_pop},       {"range", 1, 3, do_range},
    {"keys", 1, 1, do_keys},    {"remove", 2, 2, do_remove}, {"map", 2, 2, do_map},       {"filter", 2, 2, do_filter},
    {"reduce", 3, 3, do_reduce}, {"sort", 1, 2, do_sort},    {"split", 2, 2, do_split},   {"join", 2, 2, do_join},
    {"slice", 2, 3, do_slice},  {"find", 2, 2, do_find},     {"floor", 1, 1, do_floor},   {"sqrt", 1, 1, do_sqrt},
    {"json", 1, 1, do_json},    {"text", 1, 1, do_text},     {"assert", 1, 2, do_assert},
};

void builtins_add(Scope *scope) {
    for (size_t i = 0; i < sizeof builtins / sizeof *builtins; i++) {
        scope_set(scope, builtins[i].name, of_builtin(&builtins[i]));
    }
}
