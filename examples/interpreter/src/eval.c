#include "eval.h"

#include <math.h>
#include <string.h>

#include "arena.h"
#include "fail.h"

// How deep calls may go before the C stack is in danger.
#define MAX_CALLS 2000
#define MAX_ARGUMENTS 16

typedef enum { GO_ON, BROKE, CONTINUED, RETURNED } Flow;

static int calls;
static Value returned;

static Value eval(const Node *node, Scope *scope);
static Flow execute(const Node *node, Scope *scope);

Scope *scope_new(Scope *outer) {
    Scope *scope = arena_alloc(sizeof *scope);
    scope->outer = outer;
    scope->names = map_new();
    return scope;
}

void scope_set(Scope *scope, const char *name, Value value) {
    map_set(scope->names, string_from(name), value);
}

static Value *lookup(Scope *scope, const String *name) {
    for (; scope != NULL; scope = scope->outer) {
        Value *value = map_get(scope->names, name);
        if (value != NULL) {
            return value;
        }
    }
    return NULL;
}

static Value concatenate(const String *left, const String *right) {
    Buffer text = {0};
    buffer_bytes(&text, left->bytes, left->length);
    buffer_bytes(&text, right->bytes, right->length);
    return of_string(string_of(text.bytes, text.length));
}

static Value add(int line, Value left, Value right) {
    if (left.kind == NUMBER && right.kind == NUMBER) {
        return of_number(left.as.number + right.as.number);
    }
    if (left.kind == STRING && right.kind == STRING) {
        return concatenate(left.as.string, right.as.string);
    }
    if (left.kind == LIST && right.kind == LIST) {
        List *list = list_new();
        for (size_t i = 0; i < left.as.list->length; i++) {
            list_push(list, left.as.list->items[i]);
        }
        for (size_t i = 0; i < right.as.list->length; i++) {
            list_push(list, right.as.list->items[i]);
        }
        return of_list(list);
    }
    fail(line, "cannot add %s and %s", kind_name(left.kind), kind_name(right.kind));
}

static bool contains(int line, Value needle, Value hay) {
    if (hay.kind == LIST) {
        for (size_t i = 0; i < hay.as.list->length; i++) {
            if (equal(hay.as.list->items[i], needle)) {
                return true;
            }
        }
        return false;
    }
    if (hay.kind == MAP && needle.kind == STRING) {
        return map_get(hay.as.map, needle.as.string) != NULL;
    }
    if (hay.kind == STRING && needle.kind == STRING) {
        return strstr(hay.as.string->bytes, needle.as.string->bytes) != NULL;
    }
    fail(line, "cannot look for %s in %s", kind_name(needle.kind), kind_name(hay.kind));
}

static Value arithmetic(const Node *node, Value left, Value right) {
    if (left.kind != NUMBER || right.kind != NUMBER) {
        fail(node->line, "%s takes two numbers, not %s and %s", token_name(node->operator), kind_name(left.kind),
             kind_name(right.kind));
    }
    double a = left.as.number, b = right.as.number;
    switch (node->operator) {
    case T_MINUS:
        return of_number(a - b);
    case T_STAR:
        return of_number(a * b);
    case T_SLASH:
        if (b == 0) {
            fail(node->line, "division by zero");
        }
        return of_number(a / b);
    default:
        if (b == 0) {
            fail(node->line, "division by zero");
        }
        return of_number(a - b * floor(a / b));
    }
}

static Value binary(const Node *node, Scope *scope) {
    Value left = eval(node->first, scope);
    Value right = eval(node->second, scope);
    bool ok;
    int order;
    switch (node->operator) {
    case T_PLUS:
        return add(node->line, left, right);
    case T_EQUAL:
        return of_bool(equal(left, right));
    case T_NOT_EQUAL:
        return of_bool(!equal(left, right));
    case T_IN:
        return of_bool(contains(node->line, left, right));
    case T_LESS:
    case T_LESS_EQUAL:
    case T_GREATER:
    case T_GREATER_EQUAL:
        order = compare(left, right, &ok);
        if (!ok) {
            fail(node->line, "cannot compare %s and %s", kind_name(left.kind), kind_name(right.kind));
        }
        return of_bool(node->operator == T_LESS         ? order < 0
                       : node->operator == T_LESS_EQUAL ? order <= 0
                       : node->operator == T_GREATER    ? order > 0
                                                        : order >= 0);
    default:
        return arithmetic(node, left, right);
    }
}

static size_t position(int line, const List *list, Value index) {
    if (index.kind != NUMBER || index.as.number != floor(index.as.number)) {
        fail(line, "a list is indexed by a whole number");
    }
    double at = index.as.number < 0 ? index.as.number + (double)list->length : index.as.number;
    if (at < 0 || at >= (double)list->length) {
        fail(line, "index %g of a list of %zu", index.as.number, list->length);
    }
    return (size_t)at;
}

static Value index_of(const Node *node, Scope *scope) {
    Value container = eval(node->first, scope);
    Value index = eval(node->second, scope);
    if (container.kind == LIST) {
        return container.as.list->items[position(node->line, container.as.list, index)];
    }
    if (container.kind == MAP && index.kind == STRING) {
        const Value *value = map_get(container.as.map, index.as.string);
        return value == NULL ? nil() : *value;
    }
    fail(node->line, "cannot take an element of %s", kind_name(container.kind));
}

Value call(int line, Value callee, const Value *arguments, int count) {
    if (callee.kind == BUILTIN) {
        const Builtin *builtin = callee.as.builtin;
        if (count < builtin->least || count > builtin->most) {
            fail(line, "%s takes %d to %d arguments, not %d", builtin->name, builtin->least, builtin->most, count);
        }
        return builtin->call(line, arguments, count);
    }
    if (callee.kind != FUNCTION) {
        fail(line, "%s cannot be called", kind_name(callee.kind));
    }
    const Node *node = callee.as.function->node;
    if (count != node->nodes.length) {
        fail(line, "the function takes %d arguments, not %d", node->nodes.length, count);
    }
    if (++calls > MAX_CALLS) {
        fail(line, "calls nested deeper than %d", MAX_CALLS);
    }
    Scope *scope = scope_new(callee.as.function->scope);
    for (int i = 0; i < count; i++) {
        map_set(scope->names, node->nodes.items[i]->name, arguments[i]);
    }
    returned = nil();
    Flow flow = execute(node->first, scope);
    calls--;
    Value result = flow == RETURNED ? returned : nil();
    returned = nil();
    return result;
}

static Value call_node(const Node *node, Scope *scope) {
    Value arguments[MAX_ARGUMENTS];
    if (node->nodes.length > MAX_ARGUMENTS) {
        fail(node->line, "more than %d arguments", MAX_ARGUMENTS);
    }
    Value callee = eval(node->first, scope);
    for (int i = 0; i < node->nodes.length; i++) {
        arguments[i] = eval(node->nodes.items[i], scope);
    }
    return call(node->line, callee, arguments, node->nodes.length);
}

static Value eval(const Node *node, Scope *scope) {
    Value value;
    switch (node->kind) {
    case N_CONSTANT:
        return node->constant;
    case N_NAME: {
        Value *there = lookup(scope, node->name);
        if (there == NULL) {
            fail(node->line, "unknown name %s", node->name->bytes);
        }
        return *there;
    }
    case N_LIST: {
        List *list = list_new();
        for (int i = 0; i < node->nodes.length; i++) {
            list_push(list, eval(node->nodes.items[i], scope));
        }
        return of_list(list);
    }
    case N_MAP: {
        Map *map = map_new();
        for (int i = 0; i < node->nodes.length; i += 2) {
            map_set(map, node->nodes.items[i]->constant.as.string, eval(node->nodes.items[i + 1], scope));
        }
        return of_map(map);
    }
    case N_FUNCTION: {
        Function *function = arena_alloc(sizeof *function);
        function->node = node;
        function->scope = scope;
        return (Value){.kind = FUNCTION, .as.function = function};
    }
    case N_UNARY:
        value = eval(node->first, scope);
        if (node->operator == T_NOT) {
            return of_bool(!is_true(value));
        }
        if (value.kind != NUMBER) {
            fail(node->line, "- takes a number, not %s", kind_name(value.kind));
        }
        return of_number(-value.as.number);
    case N_BINARY:
        return binary(node, scope);
    case N_AND:
        value = eval(node->first, scope);
        return is_true(value) ? eval(node->second, scope) : value;
    case N_OR:
        value = eval(node->first, scope);
        return is_true(value) ? value : eval(node->second, scope);
    case N_CALL:
        return call_node(node, scope);
    case N_INDEX:
        return index_of(node, scope);
    default:
        fail(node->line, "a statement stands where an expression belongs");
    }
}

static void assign(const Node *node, Scope *scope) {
    const Node *target = node->first;
    if (target->kind == N_NAME) {
        Value value = eval(node->second, scope);
        Value *there = lookup(scope, target->name);
        if (there == NULL) {
            fail(node->line, "unknown name %s: `let` makes one", target->name->bytes);
        }
        *there = value;
        return;
    }
    Value container = eval(target->first, scope);
    Value index = eval(target->second, scope);
    Value value = eval(node->second, scope);
    if (container.kind == LIST) {
        container.as.list->items[position(node->line, container.as.list, index)] = value;
    } else if (container.kind == MAP && index.kind == STRING) {
        map_set(container.as.map, index.as.string, value);
    } else {
        fail(node->line, "cannot set an element of %s", kind_name(container.kind));
    }
}

static Flow execute_for(const Node *node, Scope *scope) {
    Value container = eval(node->first, scope);
    if (container.kind != LIST && container.kind != MAP) {
        fail(node->line, "for goes over a list or a map, not %s", kind_name(container.kind));
    }
    // Asked again each time round: the body may change the container.
    for (size_t i = 0; i < (container.kind == LIST ? container.as.list->length : container.as.map->count); i++) {
        Scope *inner = scope_new(scope);
        Value item = container.kind == LIST ? container.as.list->items[i] : of_string(container.as.map->pairs[i].key);
        map_set(inner->names, node->name, item);
        Flow flow = execute(node->second, inner);
        if (flow == BROKE) {
            break;
        }
        if (flow == RETURNED) {
            return flow;
        }
    }
    return GO_ON;
}

static Flow execute(const Node *node, Scope *scope) {
    Flow flow;
    switch (node->kind) {
    case N_LET:
        map_set(scope->names, node->name, eval(node->first, scope));
        return GO_ON;
    case N_ASSIGN:
        assign(node, scope);
        return GO_ON;
    case N_EXPRESSION:
        eval(node->first, scope);
        return GO_ON;
    case N_IF:
        if (is_true(eval(node->first, scope))) {
            return execute(node->second, scope);
        }
        return node->third != NULL ? execute(node->third, scope) : GO_ON;
    case N_WHILE:
        while (is_true(eval(node->first, scope))) {
            flow = execute(node->second, scope);
            if (flow == BROKE) {
                break;
            }
            if (flow == RETURNED) {
                return flow;
            }
        }
        return GO_ON;
    case N_FOR:
        return execute_for(node, scope);
    case N_BLOCK: {
        Scope *inner = scope_new(scope);
        for (int i = 0; i < node->nodes.length; i++) {
            flow = execute(node->nodes.items[i], inner);
            if (flow != GO_ON) {
                return flow;
            }
        }
        return GO_ON;
    }
    case N_RETURN: {
        Value value = node->first != NULL ? eval(node->first, scope) : nil();
        returned = value;
        return RETURNED;
    }
    case N_BREAK:
        return BROKE;
    case N_CONTINUE:
        return CONTINUED;
    default:
        fail(node->line, "an expression stands where a statement belongs");
    }
}

void run_program(const Node *program, Scope *scope) {
    for (int i = 0; i < program->nodes.length; i++) {
        execute(program->nodes.items[i], scope);
    }
}
